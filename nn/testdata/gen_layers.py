"""Writes layers.json: outputs and gradients of PyTorch's layers and losses on fixed inputs.

Made with torch 2.15.0 (CPU):  python gen_layers.py

Every case has the state before, and runs one after the other. A run has inputs, an output y, a gradient g that is sent
backwards from y, the gradients that arrive at float inputs ("0", "1", …) and parameters, and the buffers after.
"""

import json

import torch
import torch.nn as nn
import torch.nn.functional as F

gen = torch.Generator().manual_seed(11)
torch.manual_seed(12)
cases = []


def rand(*shape):
    return torch.randn(shape, generator=gen)


def ints(high, *shape):
    return torch.randint(0, high, shape, generator=gen)


def enc(t):
    t = t.detach()
    if t.dtype == torch.float32:
        data = [float(f"{v:.9g}") for v in t.flatten().tolist()]
        return dict(shape=list(t.shape), data=data)
    return dict(shape=list(t.shape), ints=t.flatten().to(torch.int64).tolist())


def case(name, f, *runs, evals=()):
    """f is a module or a function; runs are tuples of inputs; evals are inputs of runs in evaluation, after the others."""
    is_module = isinstance(f, nn.Module)
    params = dict(f.named_parameters()) if is_module else {}
    out = dict(name=name, state={k: enc(v) for k, v in f.state_dict().items()} if is_module else {}, runs=[])
    for training, inputs in [(True, r) for r in runs] + [(False, r) for r in evals]:
        if is_module:
            f.train(training)
            f.zero_grad()
        xs = [x.clone() for x in inputs]
        for x in xs:
            if x.dtype == torch.float32:
                x.requires_grad_()
        y = f(*xs)
        g = rand(*y.shape)
        y.backward(g)
        grads = {str(i): enc(x.grad) for i, x in enumerate(xs) if x.grad is not None}
        grads |= {k: enc(p.grad) for k, p in params.items() if p.grad is not None}
        after = {k: enc(b) for k, b in f.named_buffers()} if is_module else {}
        out["runs"].append(
            dict(train=training, inputs=[enc(x) for x in inputs], y=enc(y), g=enc(g), grads=grads, after=after)
        )
    cases.append(out)


def shake(m):
    """Moves parameters that start at 0, 1 or another constant, so that they show in the results."""
    with torch.no_grad():
        for p in m.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=gen))
    return m


# Layers with parameters.
case("linear", nn.Linear(5, 3), (rand(4, 5),))
case("linear without bias, three axes", nn.Linear(5, 3, bias=False), (rand(2, 3, 5),))
bilinear = nn.Bilinear(3, 2, 4)
case("bilinear", bilinear, (rand(5, 3), rand(5, 2)))
case("conv2d", nn.Conv2d(2, 3, 3), (rand(2, 2, 5, 6),))
case("conv2d stride pad", nn.Conv2d(2, 3, 3, stride=2, padding=1), (rand(2, 2, 6, 5),))
case("conv2d dilation", nn.Conv2d(1, 2, 3, dilation=2, padding=2), (rand(1, 1, 5, 6),))
case("conv2d groups", nn.Conv2d(4, 6, 3, groups=2, bias=False), (rand(2, 4, 4, 4),))
case("conv2d depthwise", nn.Conv2d(3, 3, 3, groups=3, padding=1), (rand(1, 3, 4, 4),))
case("conv2d 1x1", nn.Conv2d(3, 2, 1), (rand(2, 3, 3, 2),))
case("conv2d same", nn.Conv2d(1, 2, 4, padding="same"), (rand(1, 1, 5, 6),))
case("conv2d rectangle", nn.Conv2d(1, 2, (2, 3), stride=(1, 2), padding=(0, 1), dilation=(2, 1)), (rand(1, 1, 5, 6),))
case("conv1d", nn.Conv1d(2, 3, 3, stride=2, padding=1), (rand(2, 2, 7),))
case("conv1d dilation groups", nn.Conv1d(2, 4, 2, dilation=2, groups=2, bias=False), (rand(2, 2, 6),))
case("convtranspose2d", nn.ConvTranspose2d(2, 3, 3), (rand(2, 2, 3, 4),))
case(
    "convtranspose2d stride",
    nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1, groups=2),
    (rand(1, 2, 3, 3),),
)
case("embedding", nn.Embedding(5, 3), (torch.tensor([[0, 4, 2], [2, 2, 1]]),))
case("prelu", nn.PReLU(), (rand(2, 3),))
case("prelu channels", shake(nn.PReLU(3)), (rand(2, 3, 2, 2),))

# Norms. Batch norm over several steps of training, then evaluation.
batches = [(rand(3, 2, 2, 2) * s + m,) for s, m in [(1, 0), (2, 1), (0.5, -1)]]
case("batchnorm2d", shake(nn.BatchNorm2d(2)), *batches, evals=[(rand(2, 2, 2, 2),)])
case("batchnorm1d", shake(nn.BatchNorm1d(3, eps=1e-3, momentum=0.3)), (rand(4, 3),), (rand(5, 3) * 3,), evals=[(rand(1, 3),)])
case("batchnorm plain", nn.BatchNorm2d(2, affine=False), (rand(2, 2, 2, 3),), evals=[(rand(1, 2, 2, 2),)])
case("layernorm", shake(nn.LayerNorm(4)), (rand(2, 3, 4),))
case("layernorm two axes", shake(nn.LayerNorm((3, 2))), (rand(4, 3, 2) * 2 + 1,))
case("groupnorm", shake(nn.GroupNorm(2, 4)), (rand(2, 4, 2, 3),))
case("instancenorm", nn.InstanceNorm2d(3), (rand(2, 3, 2, 3),))
case("rmsnorm", shake(nn.RMSNorm(5, eps=1e-6)), (rand(3, 5),))

# Activations.
x = torch.cat([torch.linspace(-8, 8, 33) + 0.01, torch.tensor([-30.0, 30.0, -3.5, 0.3])])
for name, f in {
    "relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "gelu": F.gelu,
    "gelu tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu, "softplus": F.softplus,
    "leakyrelu": lambda x: F.leaky_relu(x, 0.2), "elu": lambda x: F.elu(x, 0.7), "selu": F.selu,
    "hardsigmoid": F.hardsigmoid, "hardswish": F.hardswish, "hardtanh": lambda x: F.hardtanh(x, -0.5, 2),
    "relu6": F.relu6, "mish": F.mish, "logsigmoid": F.logsigmoid, "softsign": F.softsign,
}.items():  # fmt: skip
    case(name, f, (x,))
case("softmax", lambda x: F.softmax(x, 1), (rand(3, 5) * 3,))
case("softmax axis 0", lambda x: F.softmax(x, 0), (rand(3, 5),))
case("logsoftmax", lambda x: F.log_softmax(x, -1), (rand(2, 3, 4) * 3,))

# Pooling.
case("maxpool2d", lambda x: F.max_pool2d(x, 2), (rand(2, 2, 4, 5),))
case("maxpool2d overlapping", lambda x: F.max_pool2d(x, 3, 2, 1), (rand(1, 2, 5, 6),))
case("maxpool2d ceil", lambda x: F.max_pool2d(x, 2, ceil_mode=True), (rand(1, 2, 5, 3),))
case("avgpool2d", lambda x: F.avg_pool2d(x, 2), (rand(2, 2, 4, 5),))
case("avgpool2d pad", lambda x: F.avg_pool2d(x, 3, 2, 1), (rand(1, 2, 5, 6),))
case("adaptiveavgpool2d", lambda x: F.adaptive_avg_pool2d(x, (2, 3)), (rand(2, 2, 5, 7),))
case("adaptivemaxpool2d", lambda x: F.adaptive_max_pool2d(x, (2, 3)), (rand(2, 2, 5, 7),))
case("globalavgpool2d", lambda x: F.adaptive_avg_pool2d(x, 1), (rand(2, 3, 3, 2),))
case("globalmaxpool2d", lambda x: F.adaptive_max_pool2d(x, 1), (rand(2, 3, 3, 2),))
case("maxpool1d", lambda x: F.max_pool1d(x, 2), (rand(2, 2, 5),))
case("avgpool1d", lambda x: F.avg_pool1d(x, 3, 2, 1), (rand(2, 2, 6),))

# Losses.
p, q = rand(4, 3), rand(4, 3)
case("mse", F.mse_loss, (p, q))
case("mse sum", lambda p, q: F.mse_loss(p, q, reduction="sum"), (p, q))
case("mse none", lambda p, q: F.mse_loss(p, q, reduction="none"), (p, q))
case("mae", F.l1_loss, (p, q))
case("mae sum", lambda p, q: F.l1_loss(p, q, reduction="sum"), (p, q))
case("huber", lambda p, q: F.huber_loss(p, q, delta=0.7), (p, q))
case("huber none", lambda p, q: F.huber_loss(p, q, delta=1.0, reduction="none"), (p, q))
case("smoothl1", F.smooth_l1_loss, (p, q))
case("smoothl1 beta", lambda p, q: F.smooth_l1_loss(p, q, beta=0.5), (p, q))
labels = torch.tensor([2, 0, 1, 2])
case("crossentropy", F.cross_entropy, (p * 3, labels))
weights = torch.tensor([0.2, 1.0, 3.0])
case("crossentropy smoothing", lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1), (p, labels))
case("crossentropy weights", lambda x, y: F.cross_entropy(x, y, weight=weights), (p, labels))
case("crossentropy all", lambda x, y: F.cross_entropy(x, y, weight=weights, label_smoothing=0.2, ignore_index=1), (p, labels))
case("crossentropy ignore", F.cross_entropy, (p, torch.tensor([2, -100, 1, -100])))
case("crossentropy sum", lambda x, y: F.cross_entropy(x, y, reduction="sum"), (p, labels))
case("crossentropy pixels", F.cross_entropy, (rand(2, 3, 2, 2), ints(3, 2, 2, 2)))
case("crossentropy probabilities", lambda x, y: F.cross_entropy(x, y.detach()), (p, torch.softmax(q, 1)))
logp = F.log_softmax(p, 1)
case("nll", F.nll_loss, (logp, labels))
case("nll weights", lambda x, y: F.nll_loss(x, y, weight=weights, ignore_index=0), (logp, labels))
case("nll pixels", lambda x, y: F.nll_loss(x, y, reduction="sum"), (F.log_softmax(rand(2, 3, 2, 2), 1), ints(3, 2, 2, 2)))
targets = torch.tensor([[0.0, 1, 1], [1, 0, 0.3], [0, 0, 1], [1, 1, 0.9]])
case("bce", lambda p, y: F.binary_cross_entropy(p, y.detach()), (torch.sigmoid(p), targets))
case("bce sum", lambda p, y: F.binary_cross_entropy(p, y.detach(), reduction="sum"), (torch.sigmoid(p), targets))
case("bcewithlogits", lambda p, y: F.binary_cross_entropy_with_logits(p, y.detach()), (p * 5, targets))
case(
    "bcewithlogits pos_weight",
    lambda p, y: F.binary_cross_entropy_with_logits(p, y.detach(), pos_weight=torch.tensor([1.0, 2.0, 0.5])),
    (p, targets),
)
case("kldiv", lambda x, y: F.kl_div(x, y.detach(), reduction="batchmean"), (logp, torch.tensor([[0.2, 0.8, 0]] * 4)))
signs = torch.tensor([1.0, -1, -1, 1])
case("hinge", lambda x, y: torch.clamp(1 - x * y.detach(), min=0).mean(), (rand(4), signs))
case("multimargin", lambda x, y: F.multi_margin_loss(x, y, margin=0.8), (p, labels))
case("cosine", lambda a, b: F.cosine_similarity(a, b, dim=-1), (p, q))
case("cosineembedding", lambda a, b, y: F.cosine_embedding_loss(a, b, y.detach(), margin=0.1), (p, q, signs))

with open("layers.json", "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
