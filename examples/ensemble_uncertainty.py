"""Two kinds of uncertainty: aleatoric, which stays, and epistemic, which more data would reduce.

The members of an ensemble agree where there were data and differ where there were none. By the law
of total variance the predicted variance is a sum of two parts: the mean of the members' variances
(aleatoric: the noise of the data) and the variance of their means (epistemic: what the data have
not settled).

    python examples/ensemble_uncertainty.py [PICTURE]     # default: in a new temporary folder
"""

# %% The data: the noise grows with x, and there are no rows with x between 4 and 6.
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from skmdn import MDNEnsembleRegressor, MDNRegressor
from skmdn.metrics import log_likelihood_score
from skmdn.plotting import ConditionalDensityDisplay


def draw_rows(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = rng.uniform(0.0, 10.0, n)
    return x[:, None], np.sin(1.5 * x) + (0.05 + 0.05 * x) * rng.normal(size=n)


rng = np.random.default_rng(0)
X, y = draw_rows(500, rng)
seen = (X[:, 0] < 4) | (X[:, 0] > 6)
X, y = X[seen], y[seen]

# %% Two views of the inputs, four folds: eight networks, pooled to one mixture.
views = [
    ("plain", MDNRegressor(n_components=2, encoding=None, alpha=0.04, max_iter=100)),
    ("encoded", MDNRegressor(n_components=2, encoding="piecewise", alpha=0.04, max_iter=100)),
]
model = MDNEnsembleRegressor(views, cv=4, random_state=0).fit(X, y)
X_new, y_new = draw_rows(2000, rng)
inside = (X_new[:, 0] < 4) | (X_new[:, 0] > 6)
for name, rows in [("with data", inside), ("in the gap", ~inside)]:
    parts = model.decompose(X_new[rows])
    aleatoric, epistemic = np.sqrt(np.mean(parts.aleatoric)), np.sqrt(np.mean(parts.epistemic))
    ensemble = log_likelihood_score(y_new[rows], model.predict_proba(X_new[rows]))
    members = [member for view in model.estimators_ for member in view]
    alone = [log_likelihood_score(y_new[rows], m.predict_proba(X_new[rows])) for m in members]
    print(f"{name:10s} standard deviation: aleatoric {aleatoric:.2f}, epistemic {epistemic:.2f}")
    print(f"           log-likelihood: ensemble {ensemble:.2f}, one member {np.mean(alone):.2f}")
print(f"out-of-fold log-likelihood: {model.oof_score_:.3f} nats per row")

# %% The picture: the pooled density, and the two parts of its standard deviation.
figure = Figure(figsize=(7.5, 6), layout="constrained")
top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[1.6, 1])
ConditionalDensityDisplay.from_estimator(model, X, y, ax=top, colorbar=False)
top.set(xlabel="", ylabel="y")
grid = np.linspace(0, 10, 400)
parts = model.decompose(grid[:, None])
bottom.plot(grid, np.sqrt(parts.aleatoric), "k-", label="aleatoric")
bottom.plot(grid, np.sqrt(parts.epistemic), "--", color="#D55E00", label="epistemic")
bottom.plot(grid, 0.05 + 0.05 * grid, ":", color="0.4", label="aleatoric, true")
bottom.axvspan(4, 6, color="0.92", lw=0)
bottom.text(5, 0.02, "no data", ha="center", va="bottom")
bottom.set(xlabel="x", ylabel="standard deviation", ylim=(0, None))
bottom.legend(frameon=False, loc="upper left")
picture = sys.argv[1] if len(sys.argv) > 1 else Path(tempfile.mkdtemp(), "ensemble_uncertainty.png")
figure.savefig(picture, dpi=100)
print(f"picture: {picture}")
