"""Prints the figures of verification_test.go. Made with scikit-learn:  python gen_verification.py

The equal error rate is where the curve between scikit-learn's points crosses FPR = 1 − TPR, found by root finding.
"""

import numpy as np
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve

# The same numbers as in the test: a linear congruential generator.
state = 12345


def uniform():
    global state
    state = (1103515245 * state + 12345) % 2**31
    return state / 2**31


same = np.array([i % 3 == 0 for i in range(300)])
d = np.array([round((0.3 if s else 0.6) + 0.6 * (uniform() - 0.5), 2) for s in same])
fpr, tpr, _ = roc_curve(same, -d, drop_intermediate=False)
print("AUC", roc_auc_score(same, -d))
taus = np.unique(d)
acc = [balanced_accuracy_score(same, d <= t) for t in taus]
best = int(np.argmax(acc))
print("accuracy", acc[best], "tau", (taus[best] + taus[best + 1]) / 2)
print("EER", brentq(lambda x: 1 - x - interp1d(fpr, tpr)(x), 0, 1, xtol=1e-15))
for far in (0, 0.01, 0.1, 0.5, 1):
    print("TAR at", far, tpr[fpr <= far].max())
print("accuracy at 0.3", balanced_accuracy_score(same, d <= 0.3))
