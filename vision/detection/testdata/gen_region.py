"""Writes region.json: the multi-task loss of Fast R-CNN as torchvision computes it (fastrcnn_loss of its RoIHeads, whose smooth L1 has
beta = 1/9; here beta is 1, the paper's), and the detections of its postprocessing, for random numbers.

    pip install torch torchvision && python gen_region.py
"""
import json
import os

import torch
from torch.nn.functional import cross_entropy, smooth_l1_loss
from torchvision import ops
from torchvision.models.detection._utils import BoxCoder

os.chdir(os.path.dirname(os.path.abspath(__file__)))
torch.manual_seed(3)
K, C = 24, 3
coder = BoxCoder((10.0, 10.0, 5.0, 5.0))
xy = torch.rand(K, 2) * 60
rois = torch.cat([xy, xy + 8 + torch.rand(K, 2) * 40], 1)
truth = rois + torch.randn(K, 4) * 3
labels = torch.randint(0, C + 1, (K,))
out = torch.randn(K, 1 + 5 * C) * 1.5
scores, offsets = out[:, :1 + C], out[:, 1 + C:].reshape(K, C, 4)
targets = coder.encode_single(truth, rois)
fg = torch.where(labels > 0)[0]
loss = cross_entropy(scores, labels) + smooth_l1_loss(offsets[fg, labels[fg] - 1], targets[fg], beta=1.0, reduction="sum") / K

p = scores.softmax(1)
boxes = ops.clip_boxes_to_image(torch.stack([coder.decode_single(offsets[:, c], rois) for c in range(C)], 1), (100, 110))
flat, s, l = boxes.reshape(-1, 4), p[:, 1:].reshape(-1), torch.arange(C).repeat(K)
keep = torch.where(s > 0.3)[0]
keep = keep[ops.batched_nms(flat[keep], s[keep], l[keep], 0.45)]
with open("region.json", "w") as f:
    json.dump({"rois": rois.tolist(), "truth": truth.tolist(), "labels": labels.tolist(), "targets": targets.tolist(), "out": out.tolist(), "loss": loss.item(),
               "boxes": flat[keep].tolist(), "scores": s[keep].tolist(), "classes": l[keep].tolist()}, f)
