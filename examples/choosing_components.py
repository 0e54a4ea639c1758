"""How many components? Compare held-out log-likelihoods, and take the simplest of the good models.

R² looks at the mean alone, which one Gaussian may predict as well as five, so it cannot choose. The
log-likelihood of held-out rows judges the whole density. Among the models within one standard error
of the best, the one with the fewest components is taken: scikit-learn's `refit` accepts this rule
as a function. A halving search then tries many settings, most of them for a few passes only.

    python examples/choosing_components.py [PICTURE]     # default: in a new temporary folder

Data: Old Faithful, see the head of old_faithful.csv.
"""

# %% The data: waiting times and durations; durations that were not measured are left out.
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import loguniform, randint
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, KFold

from skmdn import MDNRegressor
from skmdn.metrics import log_likelihood_scorer

data = Path(__file__).with_name("old_faithful.csv")
waiting, duration = np.loadtxt(data, delimiter=",", skiprows=7, unpack=True)
measured = ~np.isin(duration, [2, 3, 4])
X, y = waiting[measured, None], duration[measured]
folds = KFold(5, shuffle=True, random_state=0)


# %% Grid search with the one-standard-error rule.
def simplest_within_one_error(results: dict) -> int:
    """Index of the smallest K whose score is within one standard error of the best."""
    mean, error = results["mean_test_density"], results["std_test_density"] / np.sqrt(5)
    return int(np.flatnonzero(mean >= mean.max() - error[np.argmax(mean)])[0])  # K ascends


search = GridSearchCV(
    MDNRegressor(encoding=None, max_iter=60, random_state=0),
    {"n_components": [1, 2, 3, 4, 6, 8]},
    scoring={"density": log_likelihood_scorer, "r2": "r2"},
    refit=simplest_within_one_error,
    cv=folds,
).fit(X, y)
K = search.cv_results_["param_n_components"].data.astype(int)
mean, r2 = (search.cv_results_[f"mean_test_{name}"] for name in ("density", "r2"))
error = search.cv_results_["std_test_density"] / np.sqrt(5)
for row, k in enumerate(K):
    print(f"K = {k}: {mean[row]:6.3f} ± {error[row]:.3f} nats, R² {r2[row]:.3f}")
print(f"chosen: {search.best_params_}")

# %% Many settings: halving gives the better ones more passes over the data.
halving = HalvingRandomSearchCV(
    MDNRegressor(encoding=None, random_state=0),
    {"n_components": randint(2, 7), "alpha": loguniform(1e-3, 1)},
    resource="max_iter",
    min_resources=8,
    max_resources=72,
    scoring=log_likelihood_scorer,
    cv=folds,
    random_state=0,
).fit(X, y)
found = ", ".join(f"{name} {value:.3g}" for name, value in halving.best_params_.items())
print(f"halving: {found}: {halving.best_score_:.3f} nats")

# %% The picture.
figure = Figure(figsize=(7, 4), layout="constrained")
ax = figure.subplots()
ax.errorbar(K, mean, error, fmt="ko-", capsize=4, label="5 folds, ± one standard error")
limit = mean.max() - error[np.argmax(mean)]
ax.axhline(limit, color="0.5", ls="--", label="one standard error below the best")
chosen = (K[search.best_index_], mean[search.best_index_])
ax.plot(*chosen, "s", ms=14, mfc="none", mec="#D55E00", mew=2, label="chosen")
ax.set(xlabel="components K", ylabel="held-out log-likelihood (nats per row)")
ax.legend(loc="lower right", frameon=False)
picture = sys.argv[1] if len(sys.argv) > 1 else Path(tempfile.mkdtemp(), "choosing_components.png")
figure.savefig(picture, dpi=100)
print(f"picture: {picture}")
