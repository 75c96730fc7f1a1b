"""Makes torchvision.json: what torchvision.transforms.v2 makes of a small image, its boxes and its mask.

    python gen_torchvision.py

Made with torchvision 0.29, torch 2.15, on float32 tensors.
"""
import json, math
import torch, torchvision
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

torch.manual_seed(1)
H, W = 8, 9
smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 5, 6), size=(H, W), mode="bicubic")[0].clamp(0, 1)
image = (smooth * 0.8 + 0.2 * torch.rand(3, H, W)).contiguous()
image[:, 2, 3] = 0.5  # a grey pixel
image[:, 4, 5] = torch.tensor([1.0, 0.0, 0.0])
gray = image[:1].contiguous()
mask = (torch.arange(H * W).reshape(H, W) // 5) % 7
boxes = torch.tensor([[1.0, 2.0, 5.5, 6.25], [0, 0, W, H], [6, 5, 8.5, 7], [7.5, 0.5, 8.75, 2]])


def r(t):
    return [float(f"{v:.7g}") for v in t.flatten().tolist()]


cases = []


def color(name, args, f, on=image):
    cases.append({"op": name, "args": args, "gray": on is gray, "image": r(f(on))})


for f in [0.0, 0.4, 1.7]:
    color("AdjustBrightness", [f], lambda x: F.adjust_brightness(x, f))
    color("AdjustContrast", [f], lambda x: F.adjust_contrast(x, f))
    color("AdjustSaturation", [f], lambda x: F.adjust_saturation(x, f))
    color("AdjustSharpness", [f], lambda x: F.adjust_sharpness(x, f))
for f in [-0.5, -0.2, 0.3]:
    color("AdjustHue", [f], lambda x: F.adjust_hue(x, f))
color("AdjustGamma", [2.2, 1], lambda x: F.adjust_gamma(x, 2.2))
color("AdjustGamma", [0.5, 1.5], lambda x: F.adjust_gamma(x, 0.5, 1.5))
color("Grayscale", [], lambda x: F.rgb_to_grayscale(x, 3))
color("Invert", [], F.invert)
color("Solarize", [0.6], lambda x: F.solarize(x, 0.6))
for b in [0, 1, 3, 8]:
    color("Posterize", [b], lambda x: F.posterize(x, b))
color("Autocontrast", [], F.autocontrast)
flat = torch.stack([image[0], torch.full((H, W), 0.3), image[2] * 0.5 + 0.2])
cases.append({"op": "Autocontrast", "args": [], "input": r(flat), "image": r(F.autocontrast(flat))})
# 256 levels need more pixels than levels, else equalize does nothing.
big = torch.nn.functional.interpolate(image[None] ** 2, size=(24, 22), mode="bilinear")[0]
cases.append({"op": "Equalize", "args": [], "input": r(big), "shape": [3, 24, 22], "image": r(F.equalize(big))})
color("Equalize", [], F.equalize)
for k, s in [(3, 0.7), (5, 2.0), (1, 1.0)]:
    color("Blur", [k, s], lambda x: F.gaussian_blur(x, [k, k], [s, s]))
color("Normalize", [], lambda x: F.normalize(x, [0.4, 0.5, 0.6], [0.2, 0.3, 0.25]))
for name, f in [("AdjustBrightness", lambda x: F.adjust_brightness(x, 0.4)), ("AdjustContrast", lambda x: F.adjust_contrast(x, 0.4)),
                ("AdjustSaturation", lambda x: F.adjust_saturation(x, 0.4)), ("AdjustSharpness", lambda x: F.adjust_sharpness(x, 0.4)), ("AdjustHue", lambda x: F.adjust_hue(x, 0.4))]:
    color(name, [0.4], f, gray)


def geometry(name, args, f, box=True):
    """f takes an image, a mask or boxes. fill comes apart, see filled."""
    out = f(tv_tensors.Image(image))
    c = {"op": name, "args": args, "image": r(out), "shape": list(out.shape)}
    c["mask"] = f(tv_tensors.Mask(mask)).flatten().tolist()
    if box:
        b = f(tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(H, W)))
        c["boxes"] = [r(row) for row in b if row[2] > row[0] and row[3] > row[1]]
    cases.append(c)
    return c


geometry("FlipHorizontal", [], F.horizontal_flip)
geometry("FlipVertical", [], F.vertical_flip)
for args in [(2, 3, 5, 6), (-2, 4, 9, 30), (0, 0, H, W)]:
    geometry("Crop", list(args), lambda x: F.crop(x, *args))
for args in [(5, 6), (9, 7), (12, 13), (3, 11)]:
    geometry("CenterCrop", list(args), lambda x: F.center_crop(x, list(args)))
# Where an odd number of pixels is added, torchvision moves boxes by one more than the image.
geometry("CenterCrop", [13, 12], lambda x: F.center_crop(x, [13, 12]), box=False)
for mode in ["constant", "edge", "reflect", "symmetric"]:
    geometry("Pad", [1, 2, 3, 4, ["constant", "edge", "reflect", "symmetric"].index(mode)], lambda x: F.pad(x, [1, 2, 3, 4], padding_mode=mode), box=mode == "constant")
for args in [(5, 6), (12, 13), (4, 15), (1, 1), (8, 5)]:
    geometry("Resize", list(args), lambda x: F.resize(x, list(args), antialias=True))
for args in [(5, None), (10, None), (6, 7)]:
    geometry("ResizeShort", [args[0], args[1] or 0], lambda x: F.resize(x, [args[0]], max_size=args[1], antialias=True))
for args in [(1, 2, 6, 7, 6, 5), (0, 3, 8, 4, 11, 9)]:
    geometry("ResizedCrop", list(args), lambda x: F.resized_crop(x, *args[:4], list(args[4:]), antialias=True))
for args in [(0, 0, 0, 1, 0, 0), (30, 0, 0, 1, 0, 0), (-75, 2, -1, 1.3, 0, 0), (10, 0, 3, 0.6, 15, -8), (88, 0, 0, 1, 0, 0), (0, 0, 0, 1, 25, 0), (0, 0, 0, 1, 0, 25)]:
    for nearest in [0, 1]:
        mode = InterpolationMode.NEAREST if nearest else InterpolationMode.BILINEAR
        geometry("Affine", list(args) + [nearest], lambda x: F.affine(x, angle=args[0], translate=list(args[1:3]), scale=args[3], shear=list(args[4:6]), interpolation=mode))
# torchvision's fill with bilinear interpolation weighs the image's edge twice; this is what once gives.
fill = torch.tensor([0.2, 0.5, 0.9])[:, None, None]
turn = lambda x: F.affine(x, angle=30, translate=[1, 0], scale=0.8, shear=[0, 0], interpolation=InterpolationMode.BILINEAR)
cases.append({"op": "AffineFill", "args": [30, 1, 0, 0.8, 0, 0, 0], "image": r(turn(image) + (1 - turn(torch.ones_like(image))) * fill)})
cases.append({"op": "AffineFill", "args": [30, 1, 0, 0.8, 0, 0, 1], "image": r(F.affine(image, angle=30, translate=[1, 0], scale=0.8, shear=[0, 0], fill=[0.2, 0.5, 0.9]))})
start = [[0, 0], [W - 1, 0], [W - 1, H - 1], [0, H - 1]]
for end in [[[2, 1], [7, 0], [6, 6], [1, 6]], [[0, 0], [8, 2], [8, 6], [0, 7]]]:
    geometry("Perspective", start + end, lambda x: F.perspective(x, start, end))
d = torch.rand(H, W, 2) * 6 - 3  # pixels
norm = d * torch.tensor([2 / W, 2 / H])
c = geometry("Elastic", [], lambda x: F.elastic(x, norm[None]), box=False)
c["field"] = r(d.permute(2, 0, 1))

out = {"shape": [3, H, W], "image": r(image), "mask": mask.flatten().tolist(), "boxes": [r(b) for b in boxes], "cases": cases}
with open("torchvision.json", "w") as f:
    json.dump(out, f, separators=(",", ":"))
