"""Writes all.safetensors and values.json with PyTorch and the reference
implementation of safetensors, and shards/, a model in two files.

    pip install torch safetensors && python gen_safetensors.py

With an argument it reads a file instead and prints what is in it, which is how
to see that Python reads what Go wrote:

    go test -run TestWritesWhatPythonReads -keep /tmp/go.safetensors && python gen_safetensors.py /tmp/go.safetensors
"""
import json
import os
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file

here = os.path.dirname(os.path.abspath(__file__))


def tensors():
    half = [0.0, -1.5, 65504.0, 6e-8, float("inf"), 0.333251953125]
    return {
        "f64": torch.tensor([[1.0, -2.5, 3e300], [0.1, float("-inf"), 5e-324]], dtype=torch.float64),
        "f32": torch.tensor([[1.0, -2.5], [3e38, 0.1], [1e-45, float("inf")]], dtype=torch.float32),
        "f16": torch.tensor(half, dtype=torch.float16),
        "bf16": torch.tensor([[1.0], [-3.140625], [3e38]], dtype=torch.bfloat16),
        "i64": torch.tensor([-(2**63), 2**63 - 1, 0], dtype=torch.int64),
        "i32": torch.tensor([[-(2**31), 2**31 - 1]], dtype=torch.int32),
        "i16": torch.tensor([-32768, 32767, 5], dtype=torch.int16),
        "i8": torch.tensor([-128, 127, 5], dtype=torch.int8),
        "u8": torch.tensor([[[0, 255, 5]]], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(42.5),
        "empty": torch.zeros(3, 0, 2),
        "näme \"quoted\" \\ <&>\n": torch.tensor([7], dtype=torch.int32),
        "fc1.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    }


def describe(t):
    kind = str(t.dtype).removeprefix("torch.")
    values = [repr(float(v)) if t.is_floating_point() else int(v) for v in t.flatten()]
    return {"dtype": kind, "shape": list(t.shape), "values": values}


if len(sys.argv) > 1:
    with safe_open(sys.argv[1], "pt") as f:
        print(json.dumps(f.metadata(), sort_keys=True))
        for name in sorted(f.keys()):
            print(json.dumps(name), json.dumps(describe(f.get_tensor(name))))
else:
    all = tensors()
    save_file(all, os.path.join(here, "all.safetensors"), {"format": "pt <\u00fc>"})
    with open(os.path.join(here, "values.json"), "w") as f:
        json.dump({name: describe(t) for name, t in all.items()}, f, indent=0, sort_keys=True)
    shards = os.path.join(here, "shards")
    os.makedirs(shards, exist_ok=True)
    save_file({"a": torch.tensor([1.0, 2.0])}, os.path.join(shards, "model-00001-of-00002.safetensors"))
    save_file({"b": torch.tensor([[3]])}, os.path.join(shards, "model-00002-of-00002.safetensors"))
    with open(os.path.join(shards, "model.safetensors.index.json"), "w") as f:
        json.dump(
            {
                "metadata": {"total_size": 16},
                "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"},
            },
            f,
            indent=2,
        )
