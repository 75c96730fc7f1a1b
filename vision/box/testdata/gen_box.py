"""Writes box.json: what torchvision makes of random boxes, and plain NumPy versions of Soft-NMS (Bodla 2017, figure 2),
anchors' assignment (Dive into Deep Learning 14.4.3) and k-means with 1 - IoU (Redmon 2017).

    pip install torch torchvision numpy && python gen_box.py
"""
import json
import os

import numpy as np
import torch
from torchvision import ops
from torchvision.models.detection._utils import BoxCoder, Matcher

os.chdir(os.path.dirname(os.path.abspath(__file__)))
rng = np.random.default_rng(5)


def boxes(n, grid=None, spread=100):
    xy = rng.uniform(0, spread, (n, 2))
    b = np.concatenate([xy, xy + rng.uniform(2, 60, (n, 2))], 1)
    if grid:
        b = np.round(b / grid) * grid
        b[:, 2:] = np.maximum(b[:, 2:], b[:, :2] + grid)
    return torch.tensor(np.round(b, 3))


def listed(t):
    return np.round(np.asarray(t, dtype=float), 9).tolist()


out = {}
a, b = boxes(12), boxes(9, grid=10)
b[0] = a[0]
b[1] = a[1] + torch.tensor([500.0, 0, 500, 0])
out["pairs"] = {"a": listed(a), "b": listed(b), "iou": listed(ops.box_iou(a, b)), "giou": listed(ops.generalized_box_iou(a, b)),
                "diou": listed(ops.distance_box_iou(a, b, eps=0)), "ciou": listed(ops.complete_box_iou(a, b, eps=1e-15))}

out["nms"] = []
for n, classes, grid, threshold in [(60, 3, None, 0.5), (60, 1, 10, 0.3), (80, 4, 20, 0.5), (40, 2, None, 0.05), (30, 2, 20, 1.0), (30, 2, 5, 0.0)]:
    x = boxes(n, grid)
    scores = torch.tensor(np.round(rng.uniform(0, 1, n), 1 if grid else 4))
    labels = torch.tensor(rng.integers(0, classes, n))
    out["nms"].append({"boxes": listed(x), "scores": listed(scores), "classes": labels.tolist(), "threshold": threshold,
                       "kept": ops.batched_nms(x, scores, labels, threshold).tolist(), "agnostic": ops.nms(x, scores, threshold).tolist()})


def soft(x, scores, method):
    x, scores, index, kept = x.numpy(), scores.numpy().copy(), list(range(len(x))), []
    while index:
        m = max(index, key=lambda i: (scores[i], -i))
        if scores[m] < 0.001:
            break
        index.remove(m)
        kept.append([m, float(scores[m])])
        for i in index:
            iou = float(ops.box_iou(torch.tensor(x[m:m + 1]), torch.tensor(x[i:i + 1])))
            scores[i] *= np.exp(-iou * iou / 0.5) if method == "gaussian" else (1 - iou if iou > 0.3 else 1)
    return kept


x, scores = boxes(40, spread=60), torch.tensor(np.round(rng.uniform(0, 1, 40), 4))
out["soft"] = {"boxes": listed(x), "scores": listed(scores), "gaussian": soft(x, scores, "gaussian"), "linear": soft(x, scores, "linear")}


def assign(anchors, truth, threshold):
    iou = ops.box_iou(anchors, truth).numpy()
    result = np.where(iou.max(1) >= threshold, iou.argmax(1), -1)
    for _ in range(len(truth)):
        i, j = np.unravel_index(iou.argmax(), iou.shape)
        result[i] = j
        iou[:, j] = -1
        iou[i, :] = -1
    return result.tolist()


anchors, truth = boxes(50), boxes(8)
iou = ops.box_iou(truth, anchors)
out["assign"] = {"anchors": listed(anchors), "truth": listed(truth), "d2l": {str(t): assign(anchors, truth, t) for t in (0.1, 0.3, 0.5)},
                 "matcher": [{"positive": p, "negative": n, "best": best, "matches": Matcher(p, n, best)(iou).tolist()}
                             for p, n, best in [(0.7, 0.3, True), (0.5, 0.5, False), (0.4, 0.1, False), (0.4, 0.1, True)]]}

p, g = boxes(10), boxes(10)
coder = BoxCoder((10.0, 10.0, 5.0, 5.0))
wild = torch.tensor(rng.normal(0, 8, (10, 4)))
out["coder"] = {"anchors": listed(p), "truth": listed(g), "plain": listed(BoxCoder((1.0, 1.0, 1.0, 1.0)).encode_single(g, p)),
                "varied": listed(coder.encode_single(g, p)), "wild": listed(wild), "decoded": listed(coder.decode_single(wild, p))}

sizes = np.round(np.concatenate([rng.normal(m, s, (40, 2)) for m, s in [((20, 20), 3), ((80, 40), 8), ((50, 120), 9), ((200, 180), 20)]]), 2)


def size_iou(a, b):
    both = np.minimum(a[:, None], b[None]).prod(-1)
    return both / (a.prod(-1)[:, None] + b.prod(-1)[None] - both)


def kmeans(sizes, k):
    centre = sizes[rng.choice(len(sizes), k, replace=False)]
    for _ in range(300):
        of = size_iou(sizes, centre).argmax(1)
        new = np.array([sizes[of == i].mean(0) if (of == i).any() else centre[i] for i in range(k)])
        if np.array_equal(new, centre):
            break
        centre = new
    return size_iou(sizes, centre).max(1).mean(), centre[np.argsort(centre.prod(-1))]


out["anchors"] = {"sizes": sizes.tolist()}
for k in (1, 2, 4, 7):
    best = max((kmeans(sizes, k) for _ in range(200)), key=lambda r: r[0])
    out["anchors"][str(k)] = {"iou": best[0], "anchors": best[1].tolist()}

with open("box.json", "w") as f:
    json.dump(out, f)
