"""Writes small images of every kind with Pillow, and values.json: what Pillow
converts them to, and what PyTorch resizes an image to.

    pip install pillow torch && python gen_images.py
"""
import json
import os

import numpy as np
import torch
from PIL import Image

os.chdir(os.path.dirname(os.path.abspath(__file__)))
h, w = 13, 10
y, x = np.mgrid[0:h, 0:w]
rgb = np.stack([255 * x // (w - 1), 255 * y // (h - 1), (37 * x + 11 * y) % 256], -1).astype("u1")
smooth = np.stack([255 * x // (w - 1), 255 * y // (h - 1), 128 + 0 * x], -1).astype("u1")
alpha = (20 * (x + y) % 256).astype("u1")

images = {
    "rgb.png": Image.fromarray(rgb),
    "grey.png": Image.fromarray(rgb[..., 2]),
    "bit.png": Image.fromarray(rgb[..., 2] > 99),
    "rgba.png": Image.fromarray(np.dstack([rgb, alpha])),
    "greyalpha.png": Image.fromarray(np.dstack([rgb[..., 0], alpha]), "LA"),
    "palette.png": Image.fromarray(rgb).quantize(16),
    "palette.gif": Image.fromarray(rgb).quantize(16),
    "rgb.jpg": Image.fromarray(smooth),
    "grey.jpg": Image.fromarray(smooth[..., 0]),
    "cmyk.jpg": Image.fromarray(smooth).convert("CMYK"),
    "progressive.jpg": Image.fromarray(smooth),
}
values = {}
for name, im in images.items():
    options = {"quality": 95} if name.endswith(".jpg") else {}
    if name in ("rgb.jpg", "progressive.jpg"):
        options["subsampling"] = 0
    if name == "progressive.jpg":
        options["progressive"] = True
    im.save(name, **options)
    back = Image.open(name)
    values[name] = {
        "mode": back.mode,
        "RGB": np.asarray(back.convert("RGB")).transpose(2, 0, 1).flatten().tolist(),
        "L": np.asarray(back.convert("RGB").convert("L")).flatten().tolist(),
    }
Image.fromarray((rgb[..., 0].astype("u2") * 257)).save("grey16.png")
values["grey16.png"] = {"mode": "I;16", "RGB": np.tile(rgb[..., 0].flatten(), 3).tolist(), "L": rgb[..., 0].flatten().tolist()}

small = torch.tensor(rgb.transpose(2, 0, 1).copy(), dtype=torch.float64) / 255
resized = {}
for oh, ow in [(13, 10), (4, 3), (5, 20), (29, 7), (1, 1), (26, 20)]:
    out = torch.nn.functional.interpolate(small[None], (oh, ow), mode="bilinear", antialias=True)
    resized[f"{oh}x{ow}"] = [round(v, 7) for v in out.flatten().tolist()]
with open("values.json", "w") as f:
    json.dump({"height": h, "width": w, "images": values, "resized": resized}, f)
