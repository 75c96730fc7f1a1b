"""Writes scipy.json: what scipy.ndimage makes of a small random picture with the kernels of package filters."""
import json
import numpy as np
from scipy import ndimage

rng = np.random.default_rng(0)
x = rng.random((2, 7, 9))
b = np.array([1, 4, 6, 4, 1]) / 16
kernels = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "Laplacian": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
    "Scharr x": [[3, 0, -3], [10, 0, -10], [3, 0, -3]],
    "Scharr y": [[3, 10, 3], [0, 0, 0], [-3, -10, -3]],
}
# SciPy's "mirror" doesn't repeat the border pixel.
out = {name: [ndimage.correlate(p, np.array(k, float), mode="mirror") for p in x] for name, k in kernels.items()}
# SciPy's own filters take what comes later less what comes before; ours the other way round.
out["Sobel x"] = [-ndimage.sobel(p, axis=1, mode="mirror") for p in x]
out["Sobel y"] = [-ndimage.sobel(p, axis=0, mode="mirror") for p in x]
out["vertical edges"] = [-ndimage.prewitt(p, axis=1, mode="mirror") for p in x]
out["horizontal edges"] = [-ndimage.prewitt(p, axis=0, mode="mirror") for p in x]
out["box blur"] = [ndimage.uniform_filter(p, 5, mode="mirror") for p in x]
out["Gaussian blur"] = [ndimage.correlate1d(ndimage.correlate1d(p, b, 0, mode="mirror"), b, 1, mode="mirror") for p in x]
with open("scipy.json", "w") as f:
    json.dump({"Shape": x.shape, "X": x.ravel().tolist(), "Filters": {k: np.stack(v).ravel().tolist() for k, v in out.items()}}, f)
