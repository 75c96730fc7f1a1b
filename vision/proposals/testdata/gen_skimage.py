"""Writes photo.png, a piece of scikit-image's astronaut (NASA, public domain), and skimage.json: what scikit-image makes of it.

    pip install scikit-image && python gen_skimage.py PATH/OF/astronaut.png
"""
import base64
import json
import os
import sys
import zlib

import numpy as np
from skimage import color, io, segmentation

path = os.path.abspath(sys.argv[1])
os.chdir(os.path.dirname(os.path.abspath(__file__)))
photo = io.imread(path)[20:180:1, 130:290]
photo = photo.reshape(80, 2, 80, 2, 3).mean((1, 3)).round().astype("u1")
io.imsave("photo.png", photo, check_contrast=False)
out = {"segments": []}
for scale, sigma, size in [(100, 0.8, 20), (30, 0.8, 5), (300, 0.5, 50), (50, 1.5, 1)]:
    labels = segmentation.felzenszwalb(photo, scale=scale, sigma=sigma, min_size=size)
    packed = base64.b64encode(zlib.compress(labels.astype("<u2").tobytes(), 9)).decode()
    out["segments"].append({"scale": scale, "sigma": sigma, "min_size": size, "count": int(labels.max()) + 1, "labels": packed})
pixels = np.concatenate([photo[::11, ::11].reshape(-1, 3), [[0, 0, 0], [255, 255, 255], [9, 9, 9], [255, 0, 0], [0, 255, 1], [3, 0, 255]]]).astype("u1")
lab = color.rgb2lab(pixels[None])[0]
out["colours"] = {"rgb": pixels.tolist(), "hsv": color.rgb2hsv(pixels[None])[0].round(7).tolist(), "lab": np.stack([lab[:, 0] / 100, (lab[:, 1] + 128) / 255, (lab[:, 2] + 128) / 255], 1).round(7).tolist()}
with open("skimage.json", "w") as f:
    json.dump(out, f)
