"""Writes sample.json: what PyTorch and torchvision make of images resampled, read at the places of a grid, and pooled in regions.

    pip install torch torchvision && python gen_sample.py

Float input k has elements sin(1.3 i + 0.7 k + 0.1), in float64; grids are 1.4 times that. The gradient of the result has
elements cos(0.9 i). Each case holds the result and the gradient of every float input.
"""
import json
import torch
import torch.nn.functional as F
import torchvision.ops as ops

cases = []


def wave(shape, k):
    n = 1
    for s in shape:
        n *= s
    return torch.sin(1.3 * torch.arange(n, dtype=torch.float64) + 0.7 * k + 0.1).reshape(shape)


def case(op, f, *shapes, **args):
    xs = [wave(s, k).requires_grad_() for k, s in enumerate(shapes)]
    y = f(*xs)
    y.backward(torch.cos(0.9 * torch.arange(y.numel(), dtype=torch.float64)).reshape(y.shape))
    number = lambda t: [float(f"{v:.12g}") for v in t.detach().flatten().tolist()]
    cases.append({"op": op, "args": args, "shapes": shapes, "shape": list(y.shape), "out": number(y), "grads": [number(x.grad) for x in xs]})


modes = ["bilinear", "nearest", "nearest-exact", "bicubic", "area"]
for mode in modes:
    for shape, size in [((2, 2, 5, 4), (8, 3)), ((1, 1, 7, 6), (3, 13)), ((1, 1, 4, 5), (4, 1))]:
        case("interpolate", lambda x: F.interpolate(x, size=size, mode=mode), shape, Size=size, Mode=modes.index(mode))
        if mode in ("bilinear", "bicubic"):
            case("interpolate", lambda x: F.interpolate(x, size=size, mode=mode, align_corners=True), shape, Size=size, Mode=modes.index(mode), AlignCorners=True)
            case("interpolate", lambda x: F.interpolate(x, size=size, mode=mode, antialias=True), shape, Size=size, Mode=modes.index(mode), Antialias=True)
    for scale in [(2.5, 0.6), (1.3, 1.3)]:
        case("interpolate", lambda x: F.interpolate(x, scale_factor=scale, mode=mode), (1, 2, 5, 7), Scale=scale, Mode=modes.index(mode))
case("interpolate", lambda x: F.interpolate(x, scale_factor=(0.4, 1.7), mode="bicubic", antialias=True), (1, 2, 5, 7), Scale=(0.4, 1.7), Mode=3, Antialias=True)
case("interpolate", lambda x: F.interpolate(x, size=(3, 9), mode="bilinear", antialias=True, align_corners=True), (1, 2, 5, 7), Size=(3, 9), AlignCorners=True, Antialias=True)

for mode in ["bilinear", "nearest"]:
    for p, padding in enumerate(["zeros", "border", "reflection"]):
        for corners in [False, True]:
            case("grid_sample", lambda x, g: F.grid_sample(x, 1.4 * g, mode=mode, padding_mode=padding, align_corners=corners),
                 (2, 2, 4, 5), (2, 3, 4, 2), Mode=modes.index(mode), Padding=p, AlignCorners=corners)
for corners in [False, True]:
    case("affine_grid", lambda t: F.affine_grid(t, (2, 1, 3, 4), align_corners=corners), (2, 2, 3), AlignCorners=corners)

regions = [[0, 1.2, 2.3, 7.9, 9.1], [1, 0, 0, 11.5, 8.5], [0, 5.4, 3.1, 5.6, 3.2], [1, -2.5, 4, 6, 14], [0, 9, 7, 3, 2]]
rois = torch.tensor(regions, dtype=torch.float64)
for size, scale, ratio, aligned in [((2, 3), 0.5, 2, True), ((3, 2), 1.0, -1, False), ((2, 2), 0.8, 0, True)]:
    case("roi_align", lambda x: ops.roi_align(x, rois, size, scale, ratio, aligned), (2, 2, 9, 10), Size=size, SpatialScale=scale,
         SamplingRatio=max(ratio, 0), Aligned=aligned, Regions=regions)
for size, scale in [((2, 3), 1.0), ((3, 3), 0.6)]:
    case("roi_pool", lambda x: ops.roi_pool(x, rois, size, scale), (2, 2, 9, 10), Size=size, SpatialScale=scale, Regions=regions)

with open("sample.json", "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
