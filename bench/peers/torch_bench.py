"""PyTorch's side of `go run ./bench/peers`: the workloads of package bench, in the same words.

Reads lines "NAME SECONDS" on standard input, runs the workload for about that long, and answers with units per second.
Needs only torch: pip install torch --index-url https://download.pytorch.org/whl/cpu
"""

import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


def gemm(n):
    a, b = torch.randn(n, n), torch.randn(n, n)
    return 2 * n**3 / 1e9, lambda: torch.mm(a, b)


def softmax_rows():
    x = torch.randn(4096, 1024)
    return x.numel() / 1e9, lambda: torch.softmax(x, 1)


def gelu_elem():
    x = torch.randn(4 << 20)
    return x.numel() / 1e9, lambda: F.gelu(x)


def conv3x3_64():
    x = torch.randn(32, 64, 32, 32, requires_grad=True)
    w = (0.05 * torch.randn(64, 64, 3, 3)).requires_grad_()
    g = torch.randn(32, 64, 32, 32)

    def step():
        x.grad = w.grad = None
        F.conv2d(x, w, padding=1).backward(g)

    return 32, step


def training(net, opt, x, loss, work):
    def step():
        opt.zero_grad(set_to_none=True)
        loss(net(x)).backward()
        opt.step()

    return work, step


def xor_tiny():
    net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    x = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    y = torch.tensor([[0.0], [1], [1], [0]])
    return training(net, torch.optim.SGD(net.parameters(), lr=0.5), x, lambda p: F.binary_cross_entropy_with_logits(p, y), 1)


def mlp_dropout():
    net = nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Dropout(0.2), nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10)
    )
    y = torch.randint(0, 10, (128,))
    opt = torch.optim.Adam(net.parameters())
    return training(net, opt, torch.randn(128, 784), lambda p: F.cross_entropy(p, y), 128)


def lenet():
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    y = torch.randint(0, 10, (128,))
    opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    return training(net, opt, torch.randn(128, 1, 28, 28), lambda p: F.cross_entropy(p, y), 128)


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.shortcut = nn.Identity()
        if cin != cout:
            self.shortcut = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet20():
    layers, cin = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for stage, cout in enumerate((16, 32, 64)):
        for block in range(3):
            layers.append(Block(cin, cout, 2 if stage > 0 and block == 0 else 1))
            cin = cout
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def resnet20_train():
    net = resnet20()
    y = torch.randint(0, 10, (64,))
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    return training(net, opt, torch.randn(64, 3, 32, 32), lambda p: F.cross_entropy(p, y), 64)


def resnet20_infer1():
    net = resnet20().eval()
    x = torch.randn(1, 3, 32, 32)

    def step():
        with torch.inference_mode():
            net(x)

    return 1, step


WORKLOADS = {
    "gemm_64": lambda: gemm(64),
    "gemm_256": lambda: gemm(256),
    "gemm_1024": lambda: gemm(1024),
    "gemm_2048": lambda: gemm(2048),
    "softmax_rows": softmax_rows,
    "gelu_elem": gelu_elem,
    "conv3x3_64": conv3x3_64,
    "xor_tiny": xor_tiny,
    "mlp_dropout": mlp_dropout,
    "lenet": lenet,
    "resnet20_train": resnet20_train,
    "resnet20_infer1": resnet20_infer1,
}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    print(torch.__version__, flush=True)
    ready = {}
    for line in sys.stdin:
        name, seconds = line.split()
        if name not in ready:
            torch.manual_seed(1)
            ready[name] = WORKLOADS[name]()
        work, step = ready[name]
        steps, batch, start = 0, 1, time.perf_counter()
        while True:
            for _ in range(batch):
                step()
            steps += batch
            elapsed = time.perf_counter() - start
            if elapsed >= float(seconds):
                break
            batch = min(2 * batch, 256)
        print(work * steps / elapsed, flush=True)


main()
