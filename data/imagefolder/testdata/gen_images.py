"""Writes small images of every kind with Pillow, and values.json: what Pillow
converts them to, and what PyTorch resizes an image to.

    pip install pillow torch && python gen_images.py
"""
import json
import os
import struct
import zlib

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



def png(name, data, kind, depth, interlace, extra=b""):
    """Writes rows of samples (height, width, channels) as a PNG that Pillow can't make: 16 bits a sample, or interlaced (Adam7)."""
    def chunk(tag, body):
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)] if interlace else [(0, 0, 1, 1)]
    rows = b"".join(b"\0" + row.astype(">u2" if depth == 16 else "u1").tobytes() for y0, x0, dy, dx in passes for row in data[y0::dy, x0::dx] if row.size)
    head = struct.pack(">IIBBBBB", data.shape[1], data.shape[0], depth, kind, 0, 0, interlace)
    with open(name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def note(name):
    back = Image.open(name)
    values[name] = {
        "mode": back.mode,
        "RGB": np.asarray(back.convert("RGB")).transpose(2, 0, 1).flatten().tolist(),
        "L": np.asarray(back.convert("RGB").convert("L")).flatten().tolist(),
    }


png("interlaced.png", rgb, 2, 8, 1)
png("interlaced16.png", np.dstack([rgb, alpha]).astype("u2") * 256 + 77, 6, 16, 1)
png("rgb16.png", rgb.astype("u2") * 256 + 200, 2, 16, 0)
# A JPEG of four components whose Adobe marker says YCCK: the same numbers mean other colours.
cmyk = open("cmyk.jpg", "rb").read()
at = cmyk.index(b"Adobe") + 11
open("ycck.jpg", "wb").write(cmyk[:at] + b"\2" + cmyk[at + 1:])
# A camera's note that the picture is to be turned by a quarter. Pillow and torchvision leave it, unless asked.
exif = Image.Exif()
exif[0x112] = 6
Image.fromarray(smooth).save("turned.jpg", quality=95, subsampling=0, exif=exif)
# Wrongly named: the content decides.
Image.fromarray(rgb).save("really-a-png.jpg", format="PNG")
for name in ["interlaced.png", "interlaced16.png", "rgb16.png", "ycck.jpg", "turned.jpg", "really-a-png.jpg"]:
    note(name)

small = torch.tensor(rgb.transpose(2, 0, 1).copy(), dtype=torch.float64) / 255
resized = {}
for oh, ow in [(13, 10), (4, 3), (5, 20), (29, 7), (1, 1), (26, 20)]:
    out = torch.nn.functional.interpolate(small[None], (oh, ow), mode="bilinear", antialias=True)
    resized[f"{oh}x{ow}"] = [round(v, 7) for v in out.flatten().tolist()]
with open("values.json", "w") as f:
    json.dump({"height": h, "width": w, "images": values, "resized": resized}, f)
