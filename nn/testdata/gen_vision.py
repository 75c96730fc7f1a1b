"""Writes vision.json: PyTorch's convolutions, poolings and losses for vision, in the form of layers.json (see gen_layers.py).

Made with torch 2.15.0 and torchvision 0.29.0 (CPU):  python gen_vision.py
"""

import json

import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision.ops import sigmoid_focal_loss

gen = torch.Generator().manual_seed(21)
torch.manual_seed(22)
cases = []


def rand(*shape):
    return torch.randn(shape, generator=gen)


def enc(t):
    t = t.detach()
    if t.dtype == torch.float32:
        return dict(shape=list(t.shape), data=[float(f"{v:.9g}") for v in t.flatten().tolist()])
    return dict(shape=list(t.shape), ints=t.flatten().to(torch.int64).tolist())


def case(name, f, *inputs):
    is_module = isinstance(f, nn.Module)
    params = dict(f.named_parameters()) if is_module else {}
    xs = [x.clone() for x in inputs]
    for x in xs:
        if x.dtype == torch.float32:
            x.requires_grad_()
    y = f(*xs)
    g = rand(*y.shape)
    y.backward(g)
    grads = {str(i): enc(x.grad) for i, x in enumerate(xs) if x.grad is not None}
    grads |= {k: enc(p.grad) for k, p in params.items() if p.grad is not None}
    run = dict(train=True, inputs=[enc(x) for x in inputs], y=enc(y), g=enc(g), grads=grads, after={})
    state = {k: enc(v) for k, v in f.state_dict().items()} if is_module else {}
    cases.append(dict(name=name, state=state, runs=[run]))


case("conv3d", nn.Conv3d(2, 3, 2), rand(1, 2, 3, 3, 4))
case("conv3d all", nn.Conv3d(2, 4, (3, 2, 1), (1, 2, 1), (1, 0, 2), (1, 2, 1), 2, bias=False), rand(1, 2, 3, 4, 2))
case("conv3d reflect", nn.Conv3d(1, 2, 3, padding=1, padding_mode="reflect"), rand(1, 1, 3, 2, 3))
case("conv3d same", nn.Conv3d(1, 2, (2, 3, 4), padding="same"), rand(1, 1, 3, 3, 3))
case("convtranspose1d", nn.ConvTranspose1d(2, 4, 3, stride=2, padding=1, output_padding=1, groups=2), rand(2, 2, 4))
case("convtranspose1d dilation", nn.ConvTranspose1d(2, 3, 2, dilation=3, bias=False), rand(1, 2, 3))
case("convtranspose2d rectangle", nn.ConvTranspose2d(1, 2, (2, 3), (3, 2), (0, 1), (2, 1), dilation=(1, 2)), rand(1, 1, 2, 3))
case("convtranspose3d", nn.ConvTranspose3d(2, 2, 2), rand(1, 2, 2, 2, 2))
case("convtranspose3d all", nn.ConvTranspose3d(2, 2, (2, 3, 1), (2, 1, 3), (1, 0, 0), (1, 0, 2), 2), rand(1, 2, 2, 2, 2))
for mode in ["reflect", "replicate", "circular"]:
    case(f"conv2d {mode}", nn.Conv2d(2, 2, 3, padding=(2, 1), padding_mode=mode), rand(1, 2, 4, 3))
    case(f"conv1d {mode}", nn.Conv1d(2, 2, 3, padding=2, padding_mode=mode), rand(1, 2, 5))
case("conv2d replicate same", nn.Conv2d(1, 2, 4, padding="same", padding_mode="replicate"), rand(1, 1, 4, 5))
each = nn.Conv2d(2, 1, 3, stride=2)
case("conv2d pad each", nn.Sequential(nn.ZeroPad2d((2, 0, 0, 1)), each), rand(1, 2, 4, 4))

case("maxpool2d rectangle", lambda x: F.max_pool2d(x, (3, 2), (1, 2), (1, 0)), rand(1, 2, 4, 5))
case("maxpool2d dilation", lambda x: F.max_pool2d(x, 2, 1, 0, 2), rand(1, 2, 5, 5))
case("avgpool2d exclude", lambda x: F.avg_pool2d(x, 3, 2, 1, True, False), rand(1, 2, 4, 6))
case("maxpool3d", lambda x: F.max_pool3d(x, (2, 3, 2), 2, (1, 1, 0)), rand(1, 2, 4, 5, 4))
case("avgpool3d", lambda x: F.avg_pool3d(x, 2, 1, 1), rand(1, 1, 2, 3, 3))
case("maxpool1d ceil", lambda x: F.max_pool1d(x, 3, 2, 1, 1, True), rand(1, 2, 6))
case("adaptiveavgpool1d", lambda x: F.adaptive_avg_pool1d(x, 3), rand(2, 2, 5))
case("adaptivemaxpool1d", lambda x: F.adaptive_max_pool1d(x, 3), rand(2, 2, 5))
case("lppool2d", lambda x: F.lp_pool2d(x.abs(), 3, 2, 1), rand(1, 2, 3, 4))
case("spatial pyramid pool", lambda x: torch.cat([F.adaptive_max_pool2d(x, n).flatten(1) for n in (3, 2, 1)], 1), rand(2, 2, 7, 5))
case("local response norm", nn.LocalResponseNorm(5), 10 * rand(2, 7, 2, 2))
case("local response norm with", nn.LocalResponseNorm(4, 1.5, 0.6, 2.0), rand(1, 5, 3))


class NetVLAD(nn.Module):
    """Arandjelović et al. 2016, figure 2, with the names of the usual port."""

    def __init__(self, clusters, channels, bias, normalize):
        super().__init__()
        self.conv = nn.Conv2d(channels, clusters, 1, bias=bias)
        self.centroids = nn.Parameter(torch.rand(clusters, channels, generator=gen))
        self.normalize = normalize

    def forward(self, x):
        if self.normalize:
            x = F.normalize(x, dim=1)
        a = self.conv(x).flatten(2).softmax(1)
        residuals = x.flatten(2)[:, None] - self.centroids[None, :, :, None]  # (N, K, C, places)
        v = (a[:, :, None] * residuals).sum(-1)
        return F.normalize(F.normalize(v, dim=2).flatten(1), dim=1)


case("netvlad", NetVLAD(3, 4, True, True), rand(2, 4, 2, 3))
case("netvlad plain", NetVLAD(2, 3, False, False), rand(2, 3, 3, 1))

logits, targets = 3 * rand(4, 3), torch.tensor([[1.0, 0, 0], [0, 1, 1], [0, 0, 0], [0.3, 1, 0]])
case("sigmoid focal", lambda x: sigmoid_focal_loss(x, targets, reduction="mean"), logits)
case("sigmoid focal with", lambda x: sigmoid_focal_loss(x, targets, 0.6, 1.5, "none"), logits)
case("sigmoid focal sum", lambda x: sigmoid_focal_loss(x, targets, -1, 2, "sum"), logits)
classes, weight = torch.tensor([2, 0, 1, 2]), torch.tensor([0.2, 1.0, 3.0])


def focal(x, gamma, weight):
    p = x.softmax(1).gather(1, classes[:, None])[:, 0]
    return -((1 - p) ** gamma) * p.log() * weight[classes]


case("focal", lambda x: focal(x, 2, torch.ones(3)).mean(), logits)
case("focal with", lambda x: focal(x, 3, weight), logits)

with open("vision.json", "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
