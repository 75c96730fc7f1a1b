"""Writes torch.json: results and gradients of PyTorch for the operations that torch_test.go compares with.

    pip install torch && python gen_torch.py

Inputs aren't stored: element i of float input number k is sin(1.3 i + 0.7 k + 0.1), in float64. The gradient of
the result has elements cos(0.9 i). Each case holds the result and the gradient of every float input.
"""
import json
import torch
import torch.nn.functional as F

cases = []


def wave(shape, k):
    n = 1
    for s in shape:
        n *= s
    return torch.sin(1.3 * torch.arange(n, dtype=torch.float64) + 0.7 * k + 0.1).reshape(shape)


def case(op, f, *shapes, labels=None, **args):
    xs = [wave(s, k).requires_grad_() for k, s in enumerate(shapes)]
    extra = []
    if labels is not None:
        extra = [torch.tensor(labels[0], dtype=torch.int64).reshape(labels[1])]
    y = f(*xs, *extra)
    y.backward(torch.cos(0.9 * torch.arange(y.numel(), dtype=torch.float64)).reshape(y.shape))
    number = lambda t: [float(f"{v:.12g}") for v in t.detach().flatten().tolist()]
    c = {"op": op, "args": args, "shapes": shapes, "shape": list(y.shape), "out": number(y), "grads": [number(x.grad) for x in xs]}
    if labels is not None:
        c["labels"], c["label_shape"] = labels
    cases.append(c)



for x, w, stride, padding, dilation, groups in [
    ((2, 3, 6, 5), (4, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((1, 4, 7, 6), (6, 2, 3, 2), (2, 1), (1, 0), (1, 2), 2),
    ((2, 2, 5, 5), (2, 1, 2, 3), (3, 2), (2, 2), (2, 1), 2),
]:
    case("conv2d", lambda x, w, b: F.conv2d(x, w, b, stride, padding, dilation, groups), x, w, (w[0],),
         Stride=stride, Padding=(padding[0], padding[0], padding[1], padding[1]), Dilation=dilation, Groups=groups)
case("conv1d", lambda x, w, b: F.conv1d(x, w, b, 2, 3, 2), (2, 2, 9), (3, 2, 3), (3,), Stride=2, Padding=(3, 3), Dilation=2, Groups=1)
for x, w, stride, padding, extra, dilation, groups in [
    ((2, 3, 3, 2), (3, 2, 3, 3), (2, 2), (1, 1), (1, 1), (1, 1), 1),
    ((1, 4, 2, 3), (4, 1, 2, 3), (3, 1), (0, 1), (2, 0), (2, 1), 2),
]:
    case("conv_transpose2d", lambda x, w, b: F.conv_transpose2d(x, w, b, stride, padding, extra, groups, dilation), x, w, (w[1] * groups,),
         Stride=stride, Padding=(padding[0], padding[0], padding[1], padding[1]), OutputPadding=extra, Dilation=dilation, Groups=groups)

for x, k, stride, padding, dilation, ceil in [
    ((2, 2, 6, 7), (3, 2), (2, 2), (1, 1), (1, 1), False),
    ((1, 2, 6, 7), (3, 2), (2, 3), (1, 1), (1, 1), True),
    ((1, 1, 7, 8), (2, 3), (2, 1), (0, 1), (3, 2), True),
]:
    case("max_pool2d", lambda x: F.max_pool2d(x, k, stride, padding, dilation, ceil), x,
         Kernel=k, Stride=stride, Padding=(padding[0], padding[0], padding[1], padding[1]), Dilation=dilation, Ceil=ceil)
for x, k, stride, padding, ceil, include, divisor in [
    ((2, 2, 6, 7), (3, 2), (2, 2), (1, 1), False, True, None),
    ((1, 2, 6, 7), (3, 2), (2, 3), (1, 1), True, True, None),
    ((1, 2, 6, 7), (3, 2), (2, 3), (1, 1), True, False, None),
    ((1, 1, 5, 5), (2, 2), (2, 2), (0, 0), True, True, 3),
]:
    case("avg_pool2d", lambda x: F.avg_pool2d(x, k, stride, padding, ceil, include, divisor), x,
         Kernel=k, Stride=stride, Padding=(padding[0], padding[0], padding[1], padding[1]), Ceil=ceil, ExcludePad=not include, Divisor=divisor or 0)
for size in [(2, 2), (3, 2), (1, 1), (7, 5)]:
    case("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, size), (1, 2, 7, 5), Size=size)

case("layer_norm", lambda x, g, b: F.layer_norm(x, (2, 3), g, b, 1e-3), (4, 2, 3), (2, 3), (2, 3))
case("rms_norm", lambda x, g: F.rms_norm(x, (5,), g, 1e-3), (4, 5), (5,))
case("batch_norm", lambda x, g, b: F.batch_norm(x, None, None, g, b, True, 0.1, 1e-3), (3, 2, 2, 3), (2,), (2,))
case("group_norm", lambda x, g, b: F.group_norm(x, 2, g, b, 1e-3), (2, 4, 3), (4,), (4,))
case("instance_norm", lambda x, g, b: F.instance_norm(x, None, None, g, b, True, 0.1, 1e-3), (2, 3, 5), (3,), (3,))

for reduction, number in [("mean", 0), ("sum", 1), ("none", 2)]:
    w = [0.5, 2.0, 1.0, 1.5]
    case("cross_entropy", lambda x, t: F.cross_entropy(x, t, torch.tensor(w, dtype=torch.float64), ignore_index=2, label_smoothing=0.1, reduction=reduction),
         (5, 4), labels=([0, 3, 2, 1, 3], [5]), Reduction=number, LabelSmoothing=0.1, Weight=w, IgnoreIndex=2)
case("cross_entropy", lambda x, t: F.cross_entropy(x, t, label_smoothing=0.2), (2, 3, 2, 2),
     labels=([0, 1, 2, -100, 2, 0, 0, 1], [2, 2, 2]), Reduction=0, LabelSmoothing=0.2, Weight=None, IgnoreIndex=-100)
w3 = [0.5, 2.0, 1.0]
for reduction, number in [("mean", 0), ("none", 2)]:
    case("cross_entropy_soft", lambda x, q: F.cross_entropy(x, q, torch.tensor(w3, dtype=torch.float64), label_smoothing=0.1, reduction=reduction),
         (2, 3, 2), (2, 3, 2), Reduction=number, LabelSmoothing=0.1, Weight=w3)
case("bce_with_logits", lambda x, y: F.binary_cross_entropy_with_logits(x, y, torch.tensor([1.0, 0.5, 2.0], dtype=torch.float64), pos_weight=torch.tensor([2.0, 1.0, 3.0], dtype=torch.float64)),
     (2, 3), (2, 3), Weight=[1.0, 0.5, 2.0], PosWeight=[2.0, 1.0, 3.0])

case("softmax", lambda x: F.softmax(x, 1), (2, 3, 2), Axis=1)
case("log_softmax", lambda x: F.log_softmax(x, 0), (3, 2), Axis=0)
case("linear", F.linear, (2, 2, 3), (4, 3), (4,))
case("matmul", torch.matmul, (2, 1, 2, 3), (3, 3, 2))
for spec, *shapes in [
    ("bhqd,bhkd->bhqk", (2, 2, 3, 2), (2, 2, 2, 2)),
    ("...ij,...jk->...ik", (2, 2, 3), (3, 2)),
    ("bii->bi", (2, 3, 3)),
    ("i...j,j->...", (2, 3, 2), (2,)),
    ("ij,jk,kl", (2, 3), (3, 2), (2, 2)),
]:
    case("einsum", lambda *xs: torch.einsum(spec, *xs), *shapes, Spec=spec)

# Volumes and sequences. Every number of a config differs from its neighbours, so that none can stand for another.
def both(pads):
    return [p for p in pads for _ in range(2)]


for x, w, stride, padding, dilation, groups in [
    ((1, 2, 4, 3, 3), (2, 2, 2, 2, 2), (1, 1, 1), (0, 0, 0), (1, 1, 1), 1),
    ((2, 2, 5, 4, 5), (2, 1, 2, 3, 2), (2, 1, 3), (1, 2, 0), (3, 1, 2), 2),
    ((1, 3, 1, 3, 4), (2, 3, 1, 3, 3), (1, 1, 1), (0, 1, 1), (1, 1, 1), 1),
]:
    case("conv3d", lambda x, w, b: F.conv3d(x, w, b, stride, padding, dilation, groups), x, w, (w[0],),
         Stride=stride, Padding=both(padding), Dilation=dilation, Groups=groups)
for x, w, stride, padding, extra, dilation, groups in [
    ((2, 2, 2, 2, 3), (2, 2, 2, 3, 2), (1, 1, 1), (0, 0, 0), (0, 0, 0), (1, 1, 1), 1),
    ((1, 4, 3, 2, 2), (4, 1, 3, 2, 2), (2, 3, 1), (1, 0, 1), (1, 2, 0), (1, 2, 3), 2),
]:
    case("conv_transpose3d", lambda x, w, b: F.conv_transpose3d(x, w, b, stride, padding, extra, groups, dilation), x, w, (w[1] * groups,),
         Stride=stride, Padding=both(padding), OutputPadding=extra, Dilation=dilation, Groups=groups)
case("conv_transpose1d", lambda x, w, b: F.conv_transpose1d(x, w, b, 3, 1, 2, 2, 2), (2, 4, 5), (4, 1, 3), (2,),
     Stride=3, Padding=(1, 1), OutputPadding=2, Dilation=2, Groups=2)

for x, k, stride, padding, dilation, ceil in [
    ((2, 2, 4, 5, 4), (2, 3, 2), (2, 1, 2), (1, 0, 1), (1, 2, 1), False),
    ((1, 1, 6, 5, 7), (3, 2, 3), (2, 2, 3), (1, 1, 0), (1, 1, 1), True),
]:
    case("max_pool3d", lambda x: F.max_pool3d(x, k, stride, padding, dilation, ceil), x,
         Kernel=k, Stride=stride, Padding=both(padding), Dilation=dilation, Ceil=ceil)
for x, k, stride, padding, ceil, include, divisor in [
    ((2, 2, 4, 5, 4), (2, 3, 2), (2, 1, 2), (1, 0, 1), False, True, None),
    ((1, 1, 6, 5, 7), (3, 2, 3), (2, 2, 3), (1, 1, 0), True, True, None),
    ((1, 1, 6, 5, 7), (3, 2, 3), (2, 2, 3), (1, 1, 0), True, False, None),
    ((1, 2, 3, 4, 3), (3, 2, 1), (1, 2, 2), (1, 0, 0), False, True, 5),
]:
    case("avg_pool3d", lambda x: F.avg_pool3d(x, k, stride, padding, ceil, include, divisor), x,
         Kernel=k, Stride=stride, Padding=both(padding), Ceil=ceil, ExcludePad=not include, Divisor=divisor or 0)
# Windows that rounding up lets in, or doesn't, one by one.
for n in range(4, 9):
    for k, stride, padding in [(2, 2, 0), (3, 2, 1), (2, 3, 1), (3, 3, 1), (2, 3, 0)]:
        case("max_pool1d", lambda x: F.max_pool1d(x, k, stride, padding, 1, True), (1, 1, n), Kernel=k, Stride=stride, Padding=(padding, padding), Ceil=True)
        case("avg_pool1d", lambda x: F.avg_pool1d(x, k, stride, padding, True), (1, 1, n), Kernel=k, Stride=stride, Padding=(padding, padding), Ceil=True)
for size in [(2, 2), (3, 2), (1, 1), (7, 5), (9, 4)]:
    case("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, size), (1, 2, 7, 5), Size=size)
for size in [3, 5, 11]:
    case("adaptive_max_pool1d", lambda x: F.adaptive_max_pool1d(x, size), (2, 2, 7), Size=(size, 0))
    case("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x, size), (2, 2, 7), Size=(size, 0))
for x, size, alpha, beta, k in [((2, 6, 2, 2), 5, 0.3, 0.75, 2.0), ((1, 5, 3), 2, 1.5, 0.5, 1.0), ((1, 2, 2, 2, 2), 3, 0.7, 1.2, 0.4)]:
    case("local_response_norm", lambda x: F.local_response_norm(x, size, alpha, beta, k), x, Config=dict(Size=size, Alpha=alpha, Beta=beta, K=k))

with open("torch.json", "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
