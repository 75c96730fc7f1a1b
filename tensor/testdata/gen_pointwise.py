"""Writes pointwise.json: PyTorch's values and gradients of elementwise functions at special and ordinary points in
float64 (python gen_pointwise.py, PyTorch 2)."""
import json, os
import torch
import torch.nn.functional as F

inf, nan = float("inf"), float("nan")
points = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, -1.5, 2.0, -2.5, 3.7, 1e-20, -1e-10, 20.0, -20.0, 50.0, -50.0, 700.0, -700.0, inf, -inf, nan]
functions = {
    "abs": torch.abs, "sign": torch.sign, "exp": torch.exp, "expm1": torch.expm1, "log": torch.log, "log1p": torch.log1p, "log2": torch.log2, "log10": torch.log10,
    "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal, "sin": torch.sin, "cos": torch.cos, "tan": torch.tan, "asin": torch.asin, "acos": torch.acos,
    "atan": torch.atan, "sinh": torch.sinh, "cosh": torch.cosh, "asinh": torch.asinh, "acosh": torch.acosh, "atanh": torch.atanh, "tanh": torch.tanh, "erf": torch.erf,
    "floor": torch.floor, "ceil": torch.ceil, "round": torch.round, "trunc": torch.trunc, "neg": torch.neg, "square": torch.square,
    "sigmoid": torch.sigmoid, "relu": torch.relu, "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu,
    "softplus": lambda x: F.softplus(x, threshold=1e9), "log_sigmoid": F.logsigmoid, "leaky_relu": lambda x: F.leaky_relu(x, 0.1), "elu": lambda x: F.elu(x, 1.5),
    "pow_scalar": lambda x: x ** 2.5, "clamp": lambda x: x.clamp(-1, 1.5),
}
out = {"points": [repr(p) for p in points]}
for name, f in functions.items():
    x = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    y = f(x)
    y.sum().backward()
    out[name] = {"y": [repr(v) for v in y.tolist()], "dx": [repr(v) for v in x.grad.tolist()]}
with open(os.path.join(os.path.dirname(__file__), "pointwise.json"), "w") as f:
    f.write("{\n" + ",\n".join(json.dumps(k) + ": " + json.dumps(v) for k, v in out.items()) + "\n}\n")
