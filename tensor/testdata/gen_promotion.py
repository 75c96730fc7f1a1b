"""Writes promotion.json: torch.promote_types of every pair of data types (python gen_promotion.py, PyTorch 2)."""
import json, os
import torch

names = ["float32", "float64", "bfloat16", "float16", "int64", "int32", "uint8", "bool"]
table = {a: {b: str(torch.promote_types(getattr(torch, a), getattr(torch, b))).removeprefix("torch.") for b in names} for a in names}
with open(os.path.join(os.path.dirname(__file__), "promotion.json"), "w") as f:
    json.dump(table, f, indent=1)
    f.write("\n")
