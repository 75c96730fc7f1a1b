"""Writes optim.json: what PyTorch's optimisers, schedules and clipping do to fixed values.

Made with torch 2.15.0 (CPU):  python gen_optim.py
"""

import json

import torch

STEPS = 12
gen = torch.Generator().manual_seed(7)
# Two parameters: "weight" (3, 2) and "bias" (3), and one gradient of each for every step.
INIT = [torch.randn(3, 2, generator=gen), torch.randn(3, generator=gen)]
GRADS = [[torch.randn(3, 2, generator=gen) * 2, torch.randn(3, generator=gen) * 0.1] for _ in range(STEPS)]


def r(t):
    return [float(f"{v:.9g}") for v in t.detach().flatten().tolist()]


def run(make, groups=None, late=False):
    """The parameters after each step. groups: settings of weight and bias; late: the bias gets no gradient in the first 3 steps."""
    w, b = (p.clone().requires_grad_() for p in INIT)
    opt = make([w, b] if groups is None else [dict(params=[w], **groups[0]), dict(params=[b], **groups[1])])
    values = []
    for t in range(STEPS):
        w.grad = GRADS[t][0].clone()
        b.grad = None if late and t < 3 else GRADS[t][1].clone()
        opt.step()
        values.append(r(w) + r(b))
    return values


def optimisers():
    o = torch.optim
    two = [dict(lr=0.1, weight_decay=0.05), dict(lr=0.02, weight_decay=0)]

    def case(name, make, **kw):
        cases.append(dict(name=name, values=run(make, **kw)))

    cases = []
    case("sgd", lambda p: o.SGD(p, lr=0.1))
    case("sgd decay", lambda p: o.SGD(p, lr=0.1, weight_decay=0.1))
    case("sgd momentum", lambda p: o.SGD(p, lr=0.1, momentum=0.9))
    case("sgd dampening", lambda p: o.SGD(p, lr=0.1, momentum=0.9, dampening=0.5, weight_decay=0.01))
    case("sgd dampening late", lambda p: o.SGD(p, lr=0.1, momentum=0.9, dampening=0.5), late=True)
    case("sgd nesterov", lambda p: o.SGD(p, lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.01))
    case("sgd groups", lambda p: o.SGD(p, momentum=0.9), groups=two)
    case("adam", lambda p: o.Adam(p, lr=0.01))
    case("adam betas", lambda p: o.Adam(p, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1))
    case("adam amsgrad", lambda p: o.Adam(p, lr=0.05, betas=(0.9, 0.5), amsgrad=True))
    case("adam late", lambda p: o.Adam(p, lr=0.05), late=True)
    case("adam groups", lambda p: o.Adam(p), groups=two)
    case("adamw", lambda p: o.AdamW(p, lr=0.05, weight_decay=0.1))
    case("adamw amsgrad", lambda p: o.AdamW(p, lr=0.05, betas=(0.9, 0.5), weight_decay=0.1, amsgrad=True))
    case("adamw groups", lambda p: o.AdamW(p), groups=two)
    case("adagrad", lambda p: o.Adagrad(p, lr=0.1))
    case("adagrad decay", lambda p: o.Adagrad(p, lr=0.1, lr_decay=0.1, weight_decay=0.05, initial_accumulator_value=0.2, eps=1e-4))
    case("adagrad late", lambda p: o.Adagrad(p, lr=0.1, lr_decay=0.1), late=True)
    case("adagrad groups", lambda p: o.Adagrad(p), groups=two)
    case("adadelta", lambda p: o.Adadelta(p))
    case("adadelta rho", lambda p: o.Adadelta(p, lr=0.5, rho=0.8, eps=1e-3, weight_decay=0.05))
    case("adadelta groups", lambda p: o.Adadelta(p), groups=two)
    case("rmsprop", lambda p: o.RMSprop(p))
    case("rmsprop momentum", lambda p: o.RMSprop(p, lr=0.02, alpha=0.9, momentum=0.8, weight_decay=0.05))
    case("rmsprop centered", lambda p: o.RMSprop(p, lr=0.02, alpha=0.9, eps=1e-4, centered=True))
    case("rmsprop centered momentum", lambda p: o.RMSprop(p, lr=0.02, alpha=0.9, centered=True, momentum=0.5))
    case("rmsprop groups", lambda p: o.RMSprop(p), groups=two)
    case("nadam", lambda p: o.NAdam(p))
    case("nadam decay", lambda p: o.NAdam(p, lr=0.02, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1, momentum_decay=0.01))
    case("nadam decoupled", lambda p: o.NAdam(p, lr=0.02, weight_decay=0.1, decoupled_weight_decay=True))
    case("nadam late", lambda p: o.NAdam(p, lr=0.02), late=True)
    case("nadam groups", lambda p: o.NAdam(p), groups=two)
    return cases


def rosenbrock(p):
    x = p[0]
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def lbfgs():
    """Rosenbrock's function in four dimensions, in float64: the point and the loss that step returned, for each step."""
    cases = []
    for name, kw in {
        "plain": dict(lr=0.001, max_iter=3),
        "wolfe": dict(lr=1, max_iter=4, line_search_fn="strong_wolfe"),
        "wolfe history": dict(lr=0.5, max_iter=6, history_size=2, line_search_fn="strong_wolfe"),
        "wolfe evaluations": dict(lr=1, max_iter=20, max_eval=7, line_search_fn="strong_wolfe"),
    }.items():
        x = torch.tensor([-1.2, 1.0, 0.5, -0.3], dtype=torch.float64, requires_grad=True)
        opt = torch.optim.LBFGS([x], **kw)
        calls = [0]

        def closure():
            calls[0] += 1
            opt.zero_grad()
            loss = rosenbrock([x])
            loss.backward()
            return loss

        points, losses, evaluations = [], [], []
        for _ in range(10):
            losses.append(opt.step(closure).item())
            points.append(x.tolist())
            evaluations.append(calls[0])
        cases.append(dict(name=name, points=points, losses=losses, evaluations=evaluations))
    return cases


def schedules():
    s = torch.optim.lr_scheduler

    def rates(make, n=12, values=None):
        p = [torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)]
        opt = torch.optim.SGD([dict(params=[p[0]], lr=0.4), dict(params=[p[1]], lr=0.1)])
        sched = make(opt)
        out = []
        for t in range(n):
            out.append([g["lr"] for g in opt.param_groups])
            opt.step()
            sched.step(*([] if values is None else [values[t]]))
        return out

    plateau = [1.0, 0.9, 0.91, 0.92, 0.93, 0.94, 0.5, 0.49999, 0.49998, 0.49997, 0.6, float("nan"), 0.7, 0.8]
    return {
        "step": rates(lambda o: s.StepLR(o, 3, 0.5)),
        "multistep": rates(lambda o: s.MultiStepLR(o, [2, 5, 9], 0.1)),
        "exponential": rates(lambda o: s.ExponentialLR(o, 0.95)),
        "polynomial": rates(lambda o: s.PolynomialLR(o, 8, 2.0)),
        "cosine": rates(lambda o: s.CosineAnnealingLR(o, 11, 0)),
        "warmup": rates(lambda o: s.LinearLR(o, 0.25, 1.0, 3)),
        "warmup cosine": rates(
            lambda o: s.SequentialLR(o, [s.LinearLR(o, 0.25, 1.0, 3), s.CosineAnnealingLR(o, 8, 0)], [4])
        ),
        "onecycle": rates(lambda o: s.OneCycleLR(o, [0.4, 0.1], total_steps=13, cycle_momentum=False)),
        "onecycle set": rates(
            lambda o: s.OneCycleLR(o, [0.4, 0.1], total_steps=13, pct_start=0.5, div_factor=10, final_div_factor=100, cycle_momentum=False)
        ),
        "plateau values": [v if v == v else None for v in plateau],
        "plateau": rates(lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=2), len(plateau), plateau),
        "plateau max": rates(
            lambda o: s.ReduceLROnPlateau(o, mode="max", factor=0.1, patience=1, threshold=0.01, min_lr=0.05), len(plateau), plateau
        ),
    }


def clipping():
    out = {}
    for name, f in {
        "norm 1": lambda ps: torch.nn.utils.clip_grad_norm_(ps, 1.0),
        "norm 100": lambda ps: torch.nn.utils.clip_grad_norm_(ps, 100.0),
        "value 0.5": lambda ps: torch.nn.utils.clip_grad_value_(ps, 0.5),
    }.items():
        ps = [p.clone().requires_grad_() for p in INIT]
        for p, g in zip(ps, GRADS[0]):
            p.grad = g.clone()
        norm = f(ps)
        out[name] = dict(norm=norm.item() if norm is not None else 0, grads=r(ps[0].grad) + r(ps[1].grad))
    return out


def ema():
    """torch.optim.swa_utils' exponential average with decay 0.9 of a parameter that takes the values of GRADS[t][0]."""
    p = torch.nn.Parameter(GRADS[0][0].clone())
    holder = torch.nn.Module()
    holder.weight = p
    avg = torch.optim.swa_utils.AveragedModel(holder, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    out = []
    for g in GRADS:
        with torch.no_grad():
            p.copy_(g[0])
        avg.update_parameters(holder)
        out.append(r(avg.module.weight))
    return out


data = dict(
    init=[r(p) for p in INIT],
    grads=[[r(g) for g in gs] for gs in GRADS],
    optimisers=optimisers(),
    lbfgs=lbfgs(),
    schedules=schedules(),
    clipping=clipping(),
    ema=ema(),
    maxnorm=r(torch.renorm(INIT[0], 2, 0, 1.0)),
)
with open("optim.json", "w") as f:
    f.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in data.items()) + "\n}\n")
