"""Writes ap.json: pycocotools' 12 figures for random and awkward boxes, and Pascal VOC's average precision, written here from the
development kit's definition (VOCevaldet.m, VOCap.m), but with boxes that are continuous rather than counted in pixels.

    pip install pycocotools numpy && python gen_ap.py
"""
import contextlib
import io
import json
import os

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

os.chdir(os.path.dirname(os.path.abspath(__file__)))
rng = np.random.default_rng(11)


def coco(images, classes):
    gt = {"images": [{"id": i + 1} for i in range(len(images))], "categories": [{"id": c + 1} for c in range(classes)], "annotations": []}
    dt = []
    for i, im in enumerate(images):
        for x1, y1, x2, y2, c, difficult, crowd in im["truth"]:
            gt["annotations"].append({"id": len(gt["annotations"]) + 1, "image_id": i + 1, "category_id": c + 1, "bbox": [x1, y1, x2 - x1, y2 - y1],
                                      "area": (x2 - x1) * (y2 - y1), "iscrowd": crowd})
        for x1, y1, x2, y2, c, score in im["found"]:
            dt.append({"image_id": i + 1, "category_id": c + 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        g = COCO()
        g.dataset = gt
        g.createIndex()
        d = g.loadRes(dt) if dt else COCO()
        if not dt:
            d.dataset = {**gt, "annotations": []}
            d.createIndex()
        e = COCOeval(g, d, "bbox")
        e.evaluate()
        e.accumulate()
        e.summarize()
    p, r = e.eval["precision"], e.eval["recall"]  # (threshold, recall, class, area, most), (threshold, class, area, most)
    mean = lambda v: float(v[v > -1].mean()) if (v > -1).any() else -1.0
    return {"stats": [float(s) for s in e.stats], "classes": [[mean(p[:, :, c, 0, 2]), mean(p[0, :, c, 0, 2]), mean(p[5, :, c, 0, 2]), mean(r[:, c, 0, 2])] for c in range(classes)]}


def iou(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def voc(images, c):
    npos, finds = 0, []
    truth = [[dict(box=t[:4], ignore=bool(t[5] or t[6]), det=False) for t in im["truth"] if t[4] == c] for im in images]
    npos = sum(not t["ignore"] for ts in truth for t in ts)
    for i, im in enumerate(images):
        finds += [(f[5], i, f[:4]) for f in im["found"] if f[4] == c]
    finds.sort(key=lambda f: -f[0])
    tp, fp = [], []
    for _, i, b in finds:
        best, at = -1.0, None
        for t in truth[i]:
            o = iou(b, t["box"])
            if o > best:
                best, at = o, t
        if best >= 0.5:
            if at["ignore"]:
                tp.append(0), fp.append(0)
            elif not at["det"]:
                tp.append(1), fp.append(0)
                at["det"] = True
            else:
                tp.append(0), fp.append(1)
        else:
            tp.append(0), fp.append(1)
    if npos == 0:
        return [-1.0, -1.0]
    tp, fp = np.cumsum(tp), np.cumsum(fp)
    rec, prec = tp / npos, tp / np.maximum(tp + fp, 1e-300)
    eleven = np.mean([max([p for r, p in zip(rec, prec) if r >= t], default=0.0) for t in np.linspace(0, 1, 11)])
    mrec, mpre = np.concatenate([[0], rec, [1]]), np.concatenate([[0], prec, [0]])
    for i in range(len(mpre) - 2, -1, -1):
        mpre[i] = max(mpre[i], mpre[i + 1])
    i = np.flatnonzero(mrec[1:] != mrec[:-1]) + 1
    return [float(((mrec[i] - mrec[i - 1]) * mpre[i]).sum()), float(eleven)]


def random(images, classes, things, spread=400, noise=6, grid=0.25, extra=3, crowds=0.0, difficult=0.0, ties=False, missed=0.15):
    out = []
    for _ in range(images):
        truth, found = [], []
        for _ in range(rng.integers(0, things + 1)):
            size = np.exp(rng.uniform(np.log(8), np.log(180), 2))
            xy = rng.uniform(0, spread, 2)
            b = np.round(np.concatenate([xy, xy + size]) / grid) * grid
            c = int(rng.integers(0, classes))
            truth.append([*b.tolist(), c, int(rng.random() < difficult), int(rng.random() < crowds)])
            for _ in range(rng.integers(0, 3) if rng.random() > missed else 0):
                f = np.round((b + rng.normal(0, noise, 4)) / grid) * grid
                f[2:] = np.maximum(f[2:], f[:2] + grid)
                found.append([*f.tolist(), c if rng.random() > 0.1 else int(rng.integers(0, classes)), float(rng.random())])
        for _ in range(rng.integers(0, extra + 1)):
            xy = rng.uniform(0, spread, 2)
            f = np.round(np.concatenate([xy, xy + rng.uniform(5, 120, 2)]) / grid) * grid
            found.append([*f.tolist(), int(rng.integers(0, classes)), float(rng.random() * 0.7)])
        for f in found:
            f[5] = round(f[5], 1 if ties else 4)
        out.append({"truth": truth, "found": found})
    return out


b = [10, 10, 50, 50]
exact = [{"truth": [[0, 0, 100, 100, 0, 0, 0]], "found": [[0, 0, 100, p, 0, 0.9]]} for p in (50, 55, 60, 65, 70, 75, 80, 85, 90, 95)]
cases = {
    "random": random(12, 3, 8),
    "tied scores": random(10, 2, 6, ties=True, grid=4, noise=4),
    "crowds": random(12, 2, 6, crowds=0.4, spread=150, noise=15, extra=6),
    "small things": random(8, 2, 6, spread=60, noise=2),
    "IoU at the thresholds": exact,
    "areas at the limits": [{"truth": [[0, 0, 32, 32, 0, 0, 0], [100, 100, 196, 196, 0, 0, 0], [300, 0, 331, 32, 0, 0, 0]],
                             "found": [[0, 0, 32, 32, 0, 0.5], [100, 100, 196, 196, 0, 0.6], [300, 0, 332, 32, 0, 0.7], [0, 300, 96, 396, 0, 0.8]]}],
    "more than 100 finds": [{"truth": [[i * 20, 0, i * 20 + 10, 10, 0, 0, 0] for i in range(130)], "found": [[i * 20, 0, i * 20 + 10, 9, 0, 1 - i / 1000] for i in range(130)]}],
    "nothing found": [{"truth": [[*b, 0, 0, 0]], "found": []}],
    "nothing there": [{"truth": [], "found": [[*b, 0, 0.5]]}],
    "neither": [{"truth": [], "found": []}],
    "a class without things": [{"truth": [[*b, 0, 0, 0]], "found": [[*b, 1, 0.9], [*b, 0, 0.8]]}],
    "only crowds": [{"truth": [[*b, 0, 0, 1]], "found": [[12, 12, 30, 30, 0, 0.9]]}],
    "found twice": [{"truth": [[*b, 0, 0, 0], [14, 10, 54, 50, 0, 0, 0]], "found": [[*b, 0, 0.9], [11, 10, 51, 50, 0, 0.8], [12, 10, 52, 50, 0, 0.7]]}],
    "empty boxes": [{"truth": [[*b, 0, 0, 0], [20, 20, 20, 30, 0, 0, 0]], "found": [[10, 10, 10, 50, 0, 0.9], [20, 20, 20, 30, 0, 0.8], [*b, 0, 0.7]]}],
}
out = []
for name, images in cases.items():
    classes = 3 if name == "random" else 2
    out.append({"name": name, "images": images, "coco": coco(images, classes), "voc": [voc(images, c) for c in range(classes)]})
hard = random(14, 2, 7, difficult=0.3, spread=250, noise=9)
out.append({"name": "difficult", "images": hard, "voc": [voc(hard, c) for c in range(2)]})
with open("ap.json", "w") as f:
    json.dump(out, f, separators=(",", ":"))
