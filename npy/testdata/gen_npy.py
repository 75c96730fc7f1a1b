"""Writes arrays with NumPy, and values.json with what is in them.

    pip install numpy && python gen_npy.py

With an argument it reads a file instead and prints what is in it:

    go test -run TestWritesWhatPythonReads -keep /tmp/go.npz && python gen_npy.py /tmp/go.npz
"""
import json
import os
import sys
import warnings

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))


def describe(a):
    flat = a.ravel(order="C")
    values = [repr(float(v)) if a.dtype.kind == "f" else int(v) for v in flat]
    return {"dtype": a.dtype.kind + str(a.dtype.itemsize), "shape": list(a.shape), "values": values}


if len(sys.argv) > 1:
    for name, a in sorted(np.load(sys.argv[1]).items()):
        print(json.dumps(name), json.dumps(describe(a)))
    sys.exit()

os.chdir(here)
arrays = {}
for kind in "b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8".split():
    values = {"b": [0, 1, 1, 0, 1, 0], "f": [0.5, -2, 3e4, float("inf"), 1 / 3, 6e-8]}.get(kind[0])
    if values is None:
        info = np.iinfo(kind)
        values = [info.min, info.max if kind != "u8" else 2**63 - 1, 3, 4, 5, 6]
    a = np.array(values, dtype=kind).reshape(2, 3)
    arrays[kind] = a
    arrays["big_" + kind] = a.astype(">" + kind)
    arrays["fortran_" + kind] = np.asfortranarray(a)
arrays["scalar"] = np.array(2.5)
arrays["one"] = np.arange(5, dtype="f4")
arrays["empty"] = np.zeros((3, 0, 2), dtype="f4")
arrays["fortran3"] = np.asfortranarray(np.arange(2 * 3 * 4, dtype=">i2").reshape(2, 3, 4))
arrays["dir/inner"] = np.arange(3, dtype="u1")

np.savez("store.npz", **arrays)
np.savez_compressed("deflate.npz", **arrays)
with open("values.json", "w") as f:
    json.dump({name: describe(a) for name, a in arrays.items()}, f, indent=0, sort_keys=True)
x = np.arange(6, dtype="f4").reshape(2, 3)
for version in (1, 2, 3):
    with open(f"v{version}.npy", "wb") as f, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.lib.format.write_array(f, x, version=(version, 0))
np.save("object.npy", np.array([{}, None], dtype=object), allow_pickle=True)
np.save("structured.npy", np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]))
np.save("complex.npy", np.zeros(2, dtype="c8"))
np.save("text.npy", np.array(["a", "bc"]))
