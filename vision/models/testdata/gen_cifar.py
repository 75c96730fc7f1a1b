"""Writes cifar.json: logits of the same CIFAR networks, and of ImageNet's in the second form, in PyTorch, filled as gen_torchvision.py fills networks.

    python gen_cifar.py
"""
import json
import torch
from torch import nn
from torch.nn import functional as F
from gen_torchvision import noise, values

class Unit(nn.Module):
    def __init__(self, i, w, o, stride, pre, bottleneck, plain, pad, first):
        super().__init__()
        # He et al. 2016, appendix: the activation before the two ways part, in the first unit; fb.resnet.torch: and where shapes change.
        self.split = pre and (first or stride > 1 or i != o)
        self.pre, self.plain, self.pad, self.stride, self.more = pre, plain, pad, stride, o - i
        convs = [(i, w, 1, 1), (w, w, 3, stride), (w, o, 1, 1)] if bottleneck else [(i, w, 3, stride), (w, o, 3, 1)]
        self.n = len(convs)
        for k, (a, b, side, s) in enumerate(convs, 1):
            setattr(self, f"conv{k}", nn.Conv2d(a, b, side, s, side // 2, bias=False))
            setattr(self, f"bn{k}", nn.BatchNorm2d(a if pre else b))
        self.downsample = None
        if not plain and not pad and (stride > 1 or i != o):
            layers = [nn.Conv2d(i, o, 1, stride, bias=False)]
            self.downsample = nn.Sequential(*layers if pre else layers + [nn.BatchNorm2d(o)])

    def shortcut(self, x):
        if self.downsample is not None:
            return self.downsample(x)
        if self.stride > 1 or self.more:
            x = F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, 0, self.more))
        return x

    def forward(self, x):
        y, start = x, x
        for k in range(1, self.n + 1):
            conv, bn = getattr(self, f"conv{k}"), getattr(self, f"bn{k}")
            if self.pre:
                y = F.relu(bn(y))
                if k == 1 and self.split:
                    start = y
                y = conv(y)
            else:
                y = bn(conv(y))
                if k < self.n:
                    y = F.relu(y)
        if not self.plain:
            y = y + self.shortcut(start)
        return y if self.pre else F.relu(y)

class Net(nn.Module):
    def __init__(self, depth, pre=False, bottleneck=False, plain=False, pad=False):
        super().__init__()
        self.pre = pre
        e, n = (4, (depth - 2) // 9) if bottleneck else (1, (depth - 2) // 6)
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        i = 16
        for s in range(3):
            units = []
            for u in range(n):
                units.append(Unit(i, 16 << s, (16 << s) * e, 2 if s and not u else 1, pre, bottleneck, plain, pad, s + u == 0))
                i = (16 << s) * e
            setattr(self, f"layer{s + 1}", nn.Sequential(*units))
        self.bn1 = nn.BatchNorm2d(i if pre else 16)
        self.fc = nn.Linear(i, 10)

    def forward(self, x):
        x = self.conv1(x)
        if not self.pre:
            x = F.relu(self.bn1(x))
        x = self.layer3(self.layer2(self.layer1(x)))
        if self.pre:
            x = F.relu(self.bn1(x))
        return self.fc(x.mean((2, 3)))

class ImageNetV2(nn.Module):
    def __init__(self, units, bottleneck, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        i, e = 64, 4 if bottleneck else 1
        for s, n in enumerate(units):
            stage = []
            for u in range(n):
                stage.append(Unit(i, 64 << s, (64 << s) * e, 2 if s and not u else 1, True, bottleneck, False, False, s + u == 0))
                i = (64 << s) * e
            setattr(self, f"layer{s + 1}", nn.Sequential(*stage))
        self.bn1 = nn.BatchNorm2d(i)
        self.fc = nn.Linear(i, classes)

    def forward(self, x):
        x = F.max_pool2d(self.conv1(x), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(F.relu(self.bn1(x)).mean((2, 3)))

out = {}
for label, net in {"imagenet18 v2": ImageNetV2([2, 2, 2, 2], False, 10), "imagenet50 v2": ImageNetV2([3, 4, 6, 3], True, 10),
                   "resnet20": Net(20), "resnet20 A": Net(20, pad=True), "plain20": Net(20, plain=True), "resnet20 v2": Net(20, pre=True),
                   "resnet20 v2 A": Net(20, pre=True, pad=True), "resnet29 v2": Net(29, pre=True, bottleneck=True), "resnet29": Net(29, bottleneck=True)}.items():
    net.eval()
    net.load_state_dict({k: torch.from_numpy(values(k, tuple(v.shape))) for k, v in net.state_dict().items()})
    side = 64 if label.startswith("imagenet") else 16
    x = torch.from_numpy((4 * noise("image", 2 * 3 * side * side)).astype("float32").reshape(2, 3, side, side))
    with torch.no_grad():
        out[label] = {"params": sum(p.numel() for p in net.parameters()), "logits": [float("%.8g" % v) for v in net(x).flatten().tolist()]}
json.dump(out, open("cifar.json", "w"), separators=(",", ":"))

for units, bottleneck in ([2, 2, 2, 2], False), ([3, 4, 6, 3], False), ([3, 4, 6, 3], True):
    print(sum(p.numel() for p in ImageNetV2(units, bottleneck, 1000).parameters()))
