"""Writes conv.json: convolutions and poolings with their gradients as PyTorch computes them.

Inputs are small whole numbers, so that every result is exact in float32 and
the file stays small. Run with PyTorch 2.x: python gen_conv.py
"""
import json
import os

import torch
import torch.nn.functional as F

torch.manual_seed(0)


def ints(*shape):
    return torch.randint(-3, 4, shape).double()


def flat(t):
    return [int(v) if float(v).is_integer() else float(v) for v in t.detach().flatten().tolist()]


cases = []
for n, c, h, w, k, kh, kw, stride, pad, dil, groups in [
    (1, 1, 6, 7, 2, 3, 3, (1, 1), (1, 1), (1, 1), 1),
    (2, 2, 5, 9, 3, 3, 2, (2, 1), (0, 1), (1, 2), 1),
    (1, 4, 7, 7, 6, 3, 3, (2, 2), (1, 1), (1, 1), 2),
    (1, 3, 6, 6, 3, 3, 3, (1, 1), (2, 2), (2, 2), 3),
    (2, 3, 4, 4, 2, 1, 1, (2, 2), (0, 0), (1, 1), 1),
]:
    x, wt, b = ints(n, c, h, w), ints(k, c // groups, kh, kw), ints(k)
    for t in (x, wt, b):
        t.requires_grad_()
    y = F.conv2d(x, wt, b, stride, pad, dil, groups)
    dy = ints(*y.shape)
    y.backward(dy)
    cases.append(dict(
        shape=dict(N=n, C=c, H=h, W=w, K=k, KH=kh, KW=kw, StrideH=stride[0], StrideW=stride[1],
                   PadTop=pad[0], PadBottom=pad[0], PadLeft=pad[1], PadRight=pad[1],
                   DilH=dil[0], DilW=dil[1], Groups=groups),
        out=list(y.shape), x=flat(x), w=flat(wt), bias=flat(b), y=flat(y), dy=flat(dy),
        dx=flat(x.grad), dw=flat(wt.grad), dbias=flat(b.grad)))

pools = []
for n, h, w, k, stride, pad, ceil in [
    (2, 6, 6, 2, 2, 0, False),
    (1, 7, 9, 3, 2, 1, False),
    (1, 7, 8, 3, 2, 1, True),
    (2, 5, 5, 2, 2, 0, True),
]:
    x = ints(1, n, h, w).requires_grad_()
    y, index = F.max_pool2d(x, k, stride, pad, ceil_mode=ceil, return_indices=True)
    dy = ints(*y.shape)
    dx, = torch.autograd.grad(y, x, dy)
    case = dict(shape=dict(N=n, H=h, W=w, KH=k, KW=k, StrideH=stride, StrideW=stride,
                           PadTop=pad, PadBottom=pad, PadLeft=pad, PadRight=pad, DilH=1, DilW=1,
                           OutH=y.shape[2], OutW=y.shape[3]),
                x=flat(x), y=flat(y), index=flat(index), dy=flat(dy), dx=flat(dx), averages=[])
    for count, divisor in [(True, 0), (False, 0), (True, 5)]:
        y = F.avg_pool2d(x, k, stride, pad, ceil_mode=ceil, count_include_pad=count, divisor_override=divisor or None)
        dx, = torch.autograd.grad(y, x, dy)
        case["averages"].append(dict(countPad=count, divisor=divisor, y=flat(y), dx=flat(dx)))
    pools.append(case)

name = os.path.join(os.path.dirname(os.path.abspath(__file__)), "conv.json")
with open(name, "w") as f:
    json.dump(dict(convolutions=cases, pools=pools), f, separators=(",", ":"))
    f.write("\n")
