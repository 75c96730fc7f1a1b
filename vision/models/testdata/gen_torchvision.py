"""Writes torchvision.json: what torchvision's networks look like and compute.

Every tensor of a state dictionary is filled by a formula of its name and place, in Python here and in Go in the
test, from u(i) in -0.5 ... 0.5, a hash of the number i of the element and the sum of the name's bytes (noise below):

    weights of two axes and more   u * sqrt(12) * gain / sqrt(fan in)
    weight of batch norm           1 + 0.2 u
    running_var                    1 + 0.5 u
    running_mean, bias             0.2 u
    num_batches_tracked            3

    python gen_torchvision.py
"""
import hashlib, json, math
import numpy as np
import torch, torchvision

torch.set_num_threads(1)

def noise(name, n):
    x = (np.arange(n, dtype=np.uint64) * 2654435761 + sum(name.encode()) * 40503) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 2246822519) & 0xFFFFFFFF
    x = ((x ^ (x >> 13)) * 3266489917) & 0xFFFFFFFF
    return (x ^ (x >> 16)) / 2.0**32 - 0.5

def values(name, shape):
    n = int(np.prod(shape)) if len(shape) else 1
    u = noise(name, n)
    if name.endswith("num_batches_tracked"):
        return np.full(shape, 3, dtype=np.int64)
    if len(shape) >= 2:
        v = u * math.sqrt(12) * math.sqrt(2) / math.sqrt(n / shape[0])
    elif name.endswith("running_var"):
        v = 1 + 0.5 * u
    elif name.endswith("weight"):
        v = 1 + 0.2 * u
    else:
        v = 0.2 * u
    return v.astype(np.float32).reshape(shape)

def image(n, side):
    return torch.from_numpy((4 * noise("image", n * 3 * side * side)).astype(np.float32).reshape(n, 3, side, side))

# name, side of the image (0: no outputs), keys in full
NETS = [
    ("resnet18", 64, True), ("resnet34", 64, False), ("resnet50", 64, True), ("resnet101", 64, False),
    ("resnet152", 64, False), ("resnext50_32x4d", 64, False), ("wide_resnet50_2", 64, False),
    ("vgg11", 0, False), ("vgg13", 0, False), ("vgg16", 32, True), ("vgg19", 0, False),
    ("vgg11_bn", 32, False), ("vgg13_bn", 0, False), ("vgg16_bn", 0, False), ("vgg19_bn", 0, False),
    ("alexnet", 64, True), ("googlenet", 64, True), ("mobilenet_v2", 64, True),
    ("densenet121", 64, True), ("densenet161", 64, False), ("densenet169", 64, False), ("densenet201", 64, False),
    ("squeezenet1_1", 64, False),
]
TRAIN = {"resnet18": 64, "mobilenet_v2": 64, "googlenet": 64}
CHECK = 10  # classes of the nets that compute; 1000 are counted

def build(name, classes, **kw):
    if name == "googlenet":
        kw.setdefault("aux_logits", False)
        kw["init_weights"] = False
    return torchvision.models.get_model(name, weights=None, num_classes=classes, **kw)

def fill(net):
    net.load_state_dict({k: torch.from_numpy(np.asarray(values(k, tuple(v.shape)))) for k, v in net.state_dict().items()})

def no_dropout(net):
    for m in net.modules():
        if isinstance(m, torch.nn.Dropout):
            m.p = 0.0

def keys(net):
    return [k + " " + "x".join(map(str, v.shape)) for k, v in net.state_dict().items()]

out = {}
def describe(label, name, side, full, **kw):
    with torch.device("meta"):
        big = build(name, 1000, **kw)
    names = keys(big)
    row = {"params": sum(p.numel() for p in big.parameters()), "keys_sha256": hashlib.sha256("\n".join(names).encode()).hexdigest()}
    if full:
        row["keys"] = names
    out[label] = row
    if side == 0:
        return
    net = build(name, CHECK, **kw)
    fill(net)
    net.eval()
    with torch.no_grad():
        row["side"] = side
        row["logits"] = [float("%.8g" % v) for v in net(image(2, side)).flatten().tolist()]
    if name in TRAIN and not kw:
        fill(net)
        net.train()
        no_dropout(net)
        y = net(image(4, TRAIN[name]))
        loss = torch.nn.functional.cross_entropy(y, torch.tensor([1, 3, 5, 7]))
        loss.backward()
        row["train"] = {"side": TRAIN[name], "loss": loss.item(),
            "grad_norms": {k: float("%.6g" % p.grad.norm().item()) for k, p in net.named_parameters()},
            "running_mean": {k: float("%.6g" % v.sum().item()) for k, v in net.state_dict().items() if k.endswith("running_mean")}}
    if kw.get("aux_logits"):
        net.train()
        no_dropout(net)
        with torch.no_grad():
            fill(net)
            y = net(image(4, 64))
            row["heads"] = [[float("%.8g" % v) for v in t.flatten().tolist()] for t in (y.logits, y.aux_logits1, y.aux_logits2)]

if __name__ == "__main__":
    for name, side, full in NETS:
        describe(name, name, side, full)
    describe("googlenet with heads", "googlenet", 64, False, aux_logits=True)
    describe("googlenet transforming", "googlenet", 64, False, transform_input=True)
    json.dump(out, open("torchvision.json", "w"), indent=None, separators=(",", ":"))
