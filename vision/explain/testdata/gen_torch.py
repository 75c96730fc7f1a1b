"""Writes torch.safetensors: a small network, an image, and what PyTorch computes of them."""
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

torch.manual_seed(1)
net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 5 * 6, 5))
x = torch.randn(3, 10, 12)
cls = 2


def grad(points):
    p = points.clone().requires_grad_()
    net(p)[:, cls].sum().backward()
    return p.grad


saliency = grad(x[None])[0].abs().max(0).values
ts = (torch.arange(20) + 0.5) / 20
integrated = x * torch.stack([grad(t * x[None])[0] for t in ts]).mean(0)

kept = {}
net[4].register_forward_hook(lambda m, i, o: kept.update(a=o))
y = net(x[None])
g, = torch.autograd.grad(y[0, cls], kept["a"])
cam = (g.mean((2, 3), keepdim=True) * kept["a"]).sum(1, keepdim=True).relu()
cam = F.interpolate(cam, (10, 12), mode="bilinear", align_corners=False)[0, 0].detach()
cam = cam / cam.max()

total, count = torch.zeros(10, 12), torch.zeros(10, 12)
with torch.no_grad():
    whole = net(x[None]).softmax(1)[0, cls]
    for top in [0, 3, 6]:
        for left in [0, 3, 6, 8]:
            z = x.clone()
            z[:, top:top + 4, left:left + 4] = 0.5
            total[top:top + 4, left:left + 4] += whole - net(z[None]).softmax(1)[0, cls]
            count[top:top + 4, left:left + 4] += 1
out = {"x": x, "saliency": saliency, "integrated": integrated, "cam": cam, "occlusion": total / count}
out.update({"net." + k: v for k, v in net.state_dict().items()})
save_file({k: v.detach().contiguous() for k, v in out.items()}, "torch.safetensors")
