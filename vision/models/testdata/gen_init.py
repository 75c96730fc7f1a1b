"""Writes init.json: how torchvision's networks start: mean, standard deviation and largest absolute value of every parameter, and its size.

    python gen_init.py
"""
import json
import torch
import torchvision

torch.manual_seed(0)
torch.set_grad_enabled(False)
out = {}
for name in ("resnet18", "mobilenet_v2", "squeezenet1_1", "densenet121", "googlenet", "vgg11_bn"):
    kw = {"aux_logits": False, "init_weights": True} if name == "googlenet" else {}
    net = torchvision.models.get_model(name, weights=None, **kw)
    # One of each shape is enough, and of the many alike.
    seen, row = set(), {}
    for k, p in net.named_parameters():
        kind = (tuple(p.shape), k.split(".")[-1])
        if kind not in seen and (p.dim() == 1 or p.numel() > 4000):
            seen.add(kind)
            row[k] = [float("%.4g" % v) for v in (p.mean(), p.std(unbiased=False), p.abs().max())]
    out[name] = row
json.dump(out, open("init.json", "w"), separators=(",", ":"))
