"""Writes rows.json: PyTorch's results, in float64, for the row kernels.

Run: python gen_rows.py  (any PyTorch from 2.0)
"""
import itertools
import json

import torch
import torch.nn.functional as F

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)


def rnd(*shape):  # few digits keep the file small, and are float32 exactly
    return (torch.randn(*shape) * 64).round() / 64


def flat(t):
    return None if t is None else t.detach().reshape(-1).tolist()


out = {"layer_norm": [], "rms_norm": [], "batch_norm": [], "cross_entropy": [], "sgd": [], "adam": []}

for affine in (True, False):
    m, n, eps = 3, 19, 1e-5
    x, g = rnd(m, n).requires_grad_(), rnd(m, n)
    w = rnd(n).requires_grad_() if affine else None
    b = rnd(n).requires_grad_() if affine else None
    y = F.layer_norm(x, (n,), w, b, eps)
    y.backward(g)
    out["layer_norm"].append(dict(m=m, n=n, eps=eps, x=flat(x), g=flat(g), gamma=flat(w), beta=flat(b), y=flat(y),
                                  dx=flat(x.grad), dgamma=flat(w.grad) if affine else None, dbeta=flat(b.grad) if affine else None))
    x = x.detach().clone().requires_grad_()
    w = w.detach().clone().requires_grad_() if affine else None
    y = F.rms_norm(x, (n,), w, eps)
    y.backward(g)
    out["rms_norm"].append(dict(m=m, n=n, eps=eps, x=flat(x), g=flat(g), gamma=flat(w), y=flat(y),
                                dx=flat(x.grad), dgamma=flat(w.grad) if affine else None))

for n, c, s in ((4, 3, 5), (6, 9, 1)):
    eps = 1e-5
    x, g = rnd(n, c, s).requires_grad_(), rnd(n, c, s)
    w, b = rnd(c).requires_grad_(), rnd(c).requires_grad_()
    y = F.batch_norm(x, None, None, w, b, training=True, eps=eps)
    y.backward(g)
    out["batch_norm"].append(dict(n=n, c=c, s=s, eps=eps, x=flat(x), g=flat(g), gamma=flat(w), beta=flat(b), y=flat(y),
                                  mean=flat(x.mean((0, 2))), variance=flat(x.var((0, 2), unbiased=False)),
                                  dx=flat(x.grad), dgamma=flat(w.grad), dbeta=flat(b.grad)))

for smoothing, weighted in itertools.product((0.0, 0.1), (False, True)):
    m, n = 5, 11
    x, scale = (3 * rnd(m, n)).requires_grad_(), rnd(m)
    t = torch.tensor([3, -100, 0, 10, 7])
    w = rnd(n).abs() if weighted else None
    loss = F.cross_entropy(x, t, weight=w, ignore_index=-100, reduction="none", label_smoothing=smoothing)
    loss.backward(scale)
    out["cross_entropy"].append(dict(m=m, n=n, smoothing=smoothing, weight=flat(w), ignore=-100, target=t.tolist(),
                                     x=flat(x), scale=flat(scale), loss=flat(loss), dx=flat(x.grad)))

n, steps = 7, 4
for kw in (dict(lr=0.1), dict(lr=0.1, weight_decay=0.05), dict(lr=0.1, momentum=0.9), dict(lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.05),
           dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.05), dict(lr=0.1, momentum=0.5, maximize=True)):
    p = rnd(n).requires_grad_()
    case = dict(kw, n=n, p=flat(p), g=[], after=[])
    opt = torch.optim.SGD([p], **kw)
    for _ in range(steps):
        p.grad = rnd(n)
        case["g"].append(flat(p.grad))
        opt.step()
        case["after"].append(flat(p))
    out["sgd"].append(case)

for cls, kw in ((torch.optim.Adam, {}), (torch.optim.Adam, dict(weight_decay=0.1)), (torch.optim.Adam, dict(amsgrad=True, maximize=True)),
                (torch.optim.AdamW, dict(weight_decay=0.1)), (torch.optim.AdamW, dict(weight_decay=0.1, amsgrad=True, betas=(0.8, 0.95)))):
    kw = dict(dict(lr=0.05, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, maximize=False), **kw)
    p = rnd(n).requires_grad_()
    case = dict(kw, n=n, decoupled=cls is torch.optim.AdamW, p=flat(p), g=[], after=[])
    opt = cls([p], **kw)
    for k in range(steps):
        p.grad = rnd(n) / (1 + k * k)
        case["g"].append(flat(p.grad))
        opt.step()
        case["after"].append(flat(p))
    out["adam"].append(case)

with open("rows.json", "w") as f:
    json.dump(out, f, separators=(",", ":"))
