"""Writes unet.json: parameters and logits of the same U-Net in PyTorch, filled as gen_torchvision.py fills networks.

    python gen_unet.py
"""
import json
import torch
from torch import nn
from torch.nn import functional as F
from gen_torchvision import noise, values

def level(i, o):
    m = nn.Module()
    m.conv1, m.bn1 = nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o)
    m.conv2, m.bn2 = nn.Conv2d(o, o, 3, padding=1, bias=False), nn.BatchNorm2d(o)
    m.forward = lambda x: F.relu(m.bn2(m.conv2(F.relu(m.bn1(m.conv1(x))))))
    return m

class UNet(nn.Module):
    def __init__(self, cin, classes, width, depth, bilinear):
        super().__init__()
        self.depth, self.bilinear = depth, bilinear
        i = cin
        for d in range(depth + 1):
            setattr(self, f"down{d}", level(i, width << d))
            i = width << d
        for u in range(depth):
            o = i // 2
            setattr(self, f"grow{u}", nn.Sequential(nn.Conv2d(i, o, 1)) if bilinear else nn.ConvTranspose2d(i, o, 2, 2))
            setattr(self, f"up{u}", level(2 * o, o))
            i = o
        self.head = nn.Conv2d(i, classes, 1)

    def forward(self, x):
        seen = []
        for d in range(self.depth + 1):
            if d:
                seen.append(x)
                x = F.max_pool2d(x, 2)
            x = getattr(self, f"down{d}")(x)
        for u in range(self.depth):
            if self.bilinear:  # the interpolation first: the order that the network doesn't use
                x = getattr(self, f"grow{u}")(F.interpolate(x, scale_factor=2, mode="bilinear"))
            else:
                x = getattr(self, f"grow{u}")(x)
            same = seen.pop()
            x = F.pad(x, (0, same.shape[3] - x.shape[3], 0, same.shape[2] - x.shape[2]))
            x = getattr(self, f"up{u}")(torch.cat([same, x], 1))
        return self.head(x)

out = {"paper": sum(p.numel() for p in UNet(1, 2, 64, 4, False).parameters())}
for name, bilinear in (("transposed", False), ("bilinear", True)):
    net = UNet(3, 2, 4, 2, bilinear).eval()
    net.load_state_dict({k: torch.from_numpy(values(k, tuple(v.shape))) for k, v in net.state_dict().items()})
    x = torch.from_numpy((4 * noise("image", 3 * 10 * 10)).astype("float32").reshape(1, 3, 10, 10))
    with torch.no_grad():
        out[name] = [float("%.8g" % v) for v in net(x).flatten().tolist()]
json.dump(out, open("unet.json", "w"), separators=(",", ":"))
