"""Writes yolo.json: YOLO's loss and its gradient by PyTorch, with the overlaps of torchvision.

Made with torch 2.15.0, torchvision 0.29 (CPU):  python gen_yolo.py

The assignment is written from its description, place by place: each place asks all objects which of them wants it.
"""

import json

import torch
import torch.nn.functional as F
from torchvision.ops import box_iou, complete_box_iou_loss

torch.manual_seed(5)
torch.set_default_dtype(torch.float64)
STRIDE, CLASSES, ROWS, COLS = 16, 3, 4, 5
ANCHORS = torch.tensor([[12.0, 14.0], [30.0, 26.0], [44.0, 50.0]])
MATCH, IGNORE, BOX, OBJECT, CLASS = 0.5, 0.3, 5.0, 1.0, 2.0

targets = torch.tensor([
    [[0, 3, 4, 17, 19], [1, 20, 10, 52, 34], [2, 25, 2, 79, 58], [1, 40, 30, 66, 60], [-1, 0, 0, 0, 0]],
    [[2, 60, 40, 80, 64], [-1, 0, 0, 0, 0], [-1, 0, 0, 0, 0], [-1, 0, 0, 0, 0], [-1, 0, 0, 0, 0]],
    [[-1, 0, 0, 0, 0]] * 5,
], dtype=torch.get_default_dtype())
out = torch.randn(len(targets), len(ANCHORS), ROWS, COLS, 5 + CLASSES)
out[..., :4] *= 0.5
out.requires_grad_()


def decode():
    s = out.sigmoid()
    col = torch.arange(COLS).view(1, 1, 1, COLS)
    row = torch.arange(ROWS).view(1, 1, ROWS, 1)
    x = (2 * s[..., 0] - 0.5 + col) * STRIDE
    y = (2 * s[..., 1] - 0.5 + row) * STRIDE
    w = ANCHORS[:, 0].view(1, -1, 1, 1) * (2 * s[..., 2]) ** 2
    h = ANCHORS[:, 1].view(1, -1, 1, 1) * (2 * s[..., 3]) ** 2
    return torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], -1)


def shape_iou(truth):
    """With each anchor, both centred on the origin."""
    wh = torch.tensor([truth[3] - truth[1], truth[4] - truth[2]])
    centred = torch.cat([-wh / 2, wh / 2])[None]
    return box_iou(centred, torch.cat([-ANCHORS / 2, ANCHORS / 2], 1))[0]


def wants(truth, anchor, row, col):
    """How much an object wants a place; 0: not at all."""
    ious = shape_iou(truth)
    if ious[anchor] < MATCH and ious[anchor] < ious.max():
        return 0.0
    gx, gy = (truth[1] + truth[3]) / 2 / STRIDE, (truth[2] + truth[4]) / 2 / STRIDE
    dx, dy = float(gx - (col + 0.5)), float(gy - (row + 0.5))  # from the middle of the cell
    if -0.5 <= dx < 0.5 and -0.5 <= dy < 0.5:
        return 1 + float(ious[anchor])
    near = abs(dx) <= 1 and -0.5 <= dy < 0.5 or abs(dy) <= 1 and -0.5 <= dx < 0.5
    return float(ious[anchor]) if near else 0.0


boxes = decode()
box_sum = object_sum = class_sum = torch.zeros(())
positives = ignored = 0
for n in range(len(targets)):
    truths = [t for t in targets[n] if t[0] >= 0]
    for a in range(len(ANCHORS)):
        for r in range(ROWS):
            for c in range(COLS):
                logits, b = out[n, a, r, c], boxes[n, a, r, c]
                wish = [wants(t, a, r, c) for t in truths]
                if wish and max(wish) > 0:
                    t = truths[wish.index(max(wish))]
                    positives += 1
                    iou = box_iou(b.detach()[None], t[None, 1:])[0, 0]
                    box_sum = box_sum + complete_box_iou_loss(b[None], t[None, 1:], reduction="sum")
                    object_sum = object_sum + F.binary_cross_entropy_with_logits(logits[4], iou)
                    kind = F.one_hot(t[0].long(), CLASSES).double()
                    class_sum = class_sum + F.binary_cross_entropy_with_logits(logits[5:], kind, reduction="sum")
                elif any(box_iou(b.detach()[None], t[None, 1:])[0, 0] > IGNORE for t in truths):
                    ignored += 1
                else:
                    object_sum = object_sum + F.softplus(logits[4])
parts = [BOX * box_sum / positives, OBJECT * object_sum / positives, CLASS * class_sum / positives]
sum(parts).backward()
print(positives, ignored, [float(p) for p in parts])


def enc(t):
    return dict(shape=list(t.shape), data=[float(f"{v:.15g}") for v in t.detach().flatten().tolist()])


json.dump(dict(stride=STRIDE, classes=CLASSES, anchors=ANCHORS.tolist(), match=MATCH, ignore=IGNORE, weights=[BOX, OBJECT, CLASS],
               out=enc(out), targets=enc(targets), boxes=enc(boxes), positives=positives, ignored=ignored,
               parts=[float(p) for p in parts], grad=enc(out.grad)), open("yolo.json", "w"))
