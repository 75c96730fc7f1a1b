"""Writes print.json: how NumPy prints arrays (python gen_print.py, NumPy 2)."""
import json, os
import numpy as np

r = np.random.default_rng(3)
nan, inf = np.nan, np.inf
cases = {
    "empty": [], "one": [1], "whole": [1, 2, 3], "halves": [1, 2.5, -3.25], "thirds": [1 / 3, 2 / 3, 1],
    "small": [1e-5, 2e-5], "mixed": [0.001, 10], "edge": [0.0001, 0.05], "large": [1e8, 1], "huge": [1e30, 1e-30], "long exponent": [1e-300, 1e200],
    "special": [nan, inf, -inf, 1.5], "only nan": [nan, nan], "only inf": [-inf, inf], "nan and long": [nan, 123.456], "zeros": [0, 0], "minus zero": [-0.0, 1],
    "matrix": [[1, 20], [300, 4]], "negative": [[-1, 2.5], [3, -4]], "digits": [0.1, 0.12345678901, 123.456], "scalar": 0.1, "scalar whole": 3, "scalar tiny": 1e-5, "scalar big": 1e17,
    "scalar third": 1 / 3, "wide": np.arange(40).tolist(), "wide floats": np.linspace(0, 1, 23).tolist(), "cube": np.arange(12).reshape(2, 3, 2).tolist(),
    "four": np.arange(16).reshape(2, 2, 2, 2).tolist(), "uniform": r.random((3, 4)).tolist(), "normal": (r.standard_normal((2, 11)) * 50).tolist(),
    "summary": np.arange(1001).tolist(), "not yet": np.arange(1000).tolist(), "summary matrix": np.arange(1200).reshape(40, 30).tolist(),
    "summary tall": (np.arange(1500).reshape(300, 5) / 7).tolist(), "summary cube": np.arange(2000).reshape(10, 10, 20).tolist(),
}
out = []
for name, v in cases.items():
    for dtype in ["float32", "float64", "float16", "int64", "bool"]:
        a = np.array(v, dtype="float64")
        if dtype == "int64" and not (np.isfinite(a).all() and (a == np.trunc(a)).all() and (abs(a) < 2**53).all()):
            continue
        if dtype == "bool" and not np.isin(a, [0, 1]).all():
            continue
        if dtype in ("float16", "bool") and a.size > 50:
            continue
        with np.errstate(all="ignore"):
            a = a.astype(dtype)
        # JSON has no nan: values go as text. Long regular ones are rebuilt in the test.
        row = {"name": name, "dtype": dtype, "shape": list(a.shape), "text": str(a)}
        if a.size <= 50:
            row["values"] = [repr(float(x)) for x in np.array(v, dtype="float64").ravel()]
        else:
            row["arange"] = 7.0 if name == "summary tall" else 1.0
        out.append(row)
with open(os.path.join(os.path.dirname(__file__), "print.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(r) for r in out) + "\n]\n")
