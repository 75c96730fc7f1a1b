"""Writes metrics.json: predictions, targets and what scikit-learn makes of them.

    pip install numpy scikit-learn
    python gen_metrics.py > metrics.json
"""
import json
import warnings

import numpy as np
import sklearn
import sklearn.metrics as sk

warnings.simplefilter("ignore")
rng = np.random.default_rng(7)


def rounded(a):
    return np.round(a, 3)


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


# Six classes, of which class 4 occurs in neither targets nor predictions, and class 5 is predicted but never true.
n, c = 60, 6
y = rng.choice([0, 0, 0, 1, 2, 3], n)
logits = rng.normal(size=(n, c)) + 1.2 * np.eye(c)[y]
logits[:, 4] = -9
logits = rounded(logits)
pred = logits.argmax(1)
classes = {"logits": logits.ravel().tolist(), "classes": c, "target": y.tolist(), "want": {
    "accuracy": sk.accuracy_score(y, pred),
    "top2_accuracy": sk.top_k_accuracy_score(y, logits, k=2, labels=range(c)),
    "top3_accuracy": sk.top_k_accuracy_score(y, logits, k=3, labels=range(c)),
    "confusion": sk.confusion_matrix(y, pred, labels=range(c)).tolist(),
}}
for name, f in [("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)]:
    classes["want"][name] = f(y, pred, average=None, labels=range(c), zero_division=0).tolist()
    for average in "macro", "micro", "weighted":
        classes["want"][name + "_" + average] = f(y, pred, average=average, zero_division=0)
classes["want"]["log_loss"] = sk.log_loss(y, softmax(logits), labels=range(c))

# Four classes, all of them there, for one against the rest.
y4 = rng.integers(0, 4, 50)
l4 = rounded(rng.normal(size=(50, 4)) + np.eye(4)[y4])
ovr = {"logits": l4.ravel().tolist(), "classes": 4, "target": y4.tolist(), "want": {
    "auc": sk.roc_auc_score(y4, softmax(l4), multi_class="ovr", average="macro"),
    "average_precision": sk.average_precision_score(np.eye(4)[y4], softmax(l4), average="macro"),
}}

# Two classes told apart by one number with many ties.
yb = rng.integers(0, 2, 40)
sb = np.round(rng.normal(size=40) + 0.8 * yb, 1)
pb = (sb > 0).astype(int)
fpr, tpr, thr = sk.roc_curve(yb, sb, drop_intermediate=False)
precision, recall, pthr = sk.precision_recall_curve(yb, sb)
binary = {"scores": sb.tolist(), "target": yb.tolist(), "want": {
    "accuracy": sk.accuracy_score(yb, pb),
    "precision": sk.precision_score(yb, pb), "recall": sk.recall_score(yb, pb), "f1": sk.f1_score(yb, pb),
    "auc": sk.roc_auc_score(yb, sb), "average_precision": sk.average_precision_score(yb, sb),
    "fpr": fpr.tolist(), "tpr": tpr.tolist(), "thresholds": [1e300] + thr[1:].tolist(),
    "pr_precision": precision[::-1].tolist(), "pr_recall": recall[::-1].tolist(), "pr_thresholds": pthr[::-1].tolist(),
}}

# Regression of one and of three numbers.
t = rounded(np.exp(rng.normal(size=(30, 3)) + 2))
p = rounded(t * np.exp(0.3 * rng.normal(size=(30, 3))))
regression = {"pred": p.ravel().tolist(), "target": t.ravel().tolist(), "columns": 3, "want": {
    "mse": sk.mean_squared_error(t, p), "rmse": float(np.sqrt(sk.mean_squared_error(t, p))),
    "mae": sk.mean_absolute_error(t, p), "r2": sk.r2_score(t, p),
    "log_rmse": float(np.sqrt(np.mean((np.log(np.maximum(p, 1)) - np.log(t)) ** 2))),
    "r2_first": sk.r2_score(t[:, 0], p[:, 0]),
}}

print(json.dumps({"made_with": "scikit-learn " + sklearn.__version__, "classes": classes, "ovr": ovr,
                  "binary": binary, "regression": regression}))
