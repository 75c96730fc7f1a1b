"""Writes distance.json: losses of embeddings and their gradients, by PyTorch and NumPy.

Made with torch 2.15.0 (CPU) and numpy:  python gen_distance.py

Triplet margin losses are PyTorch's own. Contrastive, mined and NT-Xent losses, which it lacks, are written here from their definitions with loops
over examples, in float64, and differentiated by PyTorch.
"""

import json

import torch
import torch.nn.functional as F

gen = torch.Generator().manual_seed(7)
cases = []


def rand(*shape):
    return torch.randn(shape, generator=gen, dtype=torch.float64)


def case(name, f, *inputs, **more):
    xs = [x.clone().requires_grad_() for x in inputs]
    y = f(*xs)
    y.sum().backward()
    enc = lambda t: dict(shape=list(t.shape), data=t.detach().flatten().tolist())
    cases.append(dict(name=name, inputs=[enc(x) for x in inputs], y=enc(y), grads=[enc(x.grad) for x in xs], **more))


a, p, n = rand(6, 5), rand(6, 5), rand(6, 5)
case("triplet", lambda a, p, n: F.triplet_margin_loss(a, p, n), a, p, n)
case("triplet margin", lambda a, p, n: F.triplet_margin_loss(a, p, n, margin=0.3), a, p, n)
case("triplet swap", lambda a, p, n: F.triplet_margin_loss(a, p, n, swap=True), a, p, n)
case("triplet none", lambda a, p, n: F.triplet_margin_loss(a, p, n, reduction="none"), a, p, n)
case("triplet sum", lambda a, p, n: F.triplet_margin_loss(a, p, n, reduction="sum"), a, p, n)
case("triplet soft", lambda a, p, n: F.softplus(F.pairwise_distance(a, p) - F.pairwise_distance(a, n)).mean(), a, p, n)
case(
    "triplet squared",
    lambda a, p, n: F.relu(F.pairwise_distance(a, p) ** 2 - F.pairwise_distance(a, n) ** 2 + 0.5).mean(),
    a, p, n,
)
case("pairwise distance", F.pairwise_distance, a, p)

same = [1, 0, 0, 1, 0, 1]


def contrastive(a, b, margin=3.0):
    total = 0
    for x, y, s in zip(a, b, same):
        d = ((x - y + 1e-6) ** 2).sum().sqrt()
        total = total + (d**2 / 2 if s else max(0 * d, margin - d) ** 2 / 2)
    return total / len(a)


case("contrastive", contrastive, a, p, same=same)

labels = [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]  # and one alone below


def dist(x, i, j):
    return ((x[i] - x[j]) ** 2).sum().sqrt()


def mined(choose, cost):
    def f(x):
        losses = [cost(dist(x, a, p), dist(x, a, n)) for a, p, n in choose(x.detach(), labels)]
        return torch.stack(losses).mean()

    return f


def hard(x, labels):
    out = []
    for a in range(len(labels)):
        pos = [i for i in range(len(labels)) if labels[i] == labels[a] and i != a]
        neg = [i for i in range(len(labels)) if labels[i] != labels[a]]
        if pos and neg:
            out.append((a, max(pos, key=lambda i: dist(x, a, i)), min(neg, key=lambda i: dist(x, a, i))))
    return out


def semihard(x, labels):
    out = []
    for a in range(len(labels)):
        for p in range(len(labels)):
            if p == a or labels[p] != labels[a]:
                continue
            neg = sorted((i for i in range(len(labels)) if labels[i] != labels[a]), key=lambda i: dist(x, a, i))
            farther = [i for i in neg if dist(x, a, i) > dist(x, a, p)]
            out.append((a, p, farther[0] if farther else neg[-1]))
    return out


def everything(x, labels):
    n = range(len(labels))
    return [(a, p, i) for a in n for p in n for i in n if p != a and labels[p] == labels[a] and labels[i] != labels[a]]


margin = lambda p, n: F.relu(p - n + 1)
labels.append(4)
x = rand(11, 4)
x[0] *= 4  # so that no negative is farther than its positives
case("batch hard", mined(hard, margin), x, labels=labels)
case("batch hard soft", mined(hard, lambda p, n: F.softplus(p - n)), x, labels=labels)
case("batch hard squared", mined(hard, lambda p, n: F.relu(p**2 - n**2 + 1)), x, labels=labels)
case("semi-hard", mined(semihard, margin), x, labels=labels)
case("batch all", mined(everything, margin), x, labels=labels)


def smooth(x):
    losses = []
    for a in range(len(labels)):
        for p in range(len(labels)):
            if p != a and labels[p] == labels[a]:
                e = [torch.exp(dist(x, a, p) - dist(x, a, n)) for n in range(len(labels)) if labels[n] != labels[a]]
                losses.append(torch.log(1 + sum(e)))
    return torch.stack(losses).mean()


case("smooth", smooth, x, labels=labels)
case("distances", lambda a, b: torch.cdist(a, b), a, rand(3, 5))


def ntxent(a, b, t=0.5):
    z = F.normalize(torch.cat([a, b]))
    total = 0
    for i in range(len(z)):
        s = torch.stack([z[i] @ z[j] / t for j in range(len(z)) if j != i])
        own = z[i] @ z[(i + len(a)) % len(z)] / t
        total = total + torch.logsumexp(s, 0) - own
    return total / len(z)


case("nt-xent", ntxent, a, p)

with open("distance.json", "w") as f:
    json.dump(cases, f, indent=None)
