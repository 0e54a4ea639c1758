"""Noise that changes: head acceleration after a motorcycle crash.

Just after the impact the measurements hardly scatter, later by tens of g. A model with the same
spread at all times is too cautious at first and overconfident later. Every row's density comes from
a model that was not trained on that row, so all 133 rows can be used for the comparison.

    python examples/heteroscedastic_noise.py [PICTURE]     # default: in a new temporary folder

Data: Silverman (1985), see the head of motorcycle.csv.
"""

# %% The data, and out-of-fold densities.
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.model_selection import KFold

from skmdn import MDNRegressor, Mixture
from skmdn.metrics import coverage_score, crps_loss, log_likelihood_score
from skmdn.model_selection import cross_val_predict_proba
from skmdn.plotting import ConditionalDensityDisplay, CoverageDisplay

DATA = Path(__file__).with_name("motorcycle.csv")
time, acceleration = np.loadtxt(DATA, delimiter=",", skiprows=5, unpack=True)
X, y = time[:, None], acceleration

folds = KFold(10, shuffle=True, random_state=0)
# With so few rows: no encoding of the inputs, and a quarter of the rows validates. These are random
# rows: the file is sorted by time, but that is the feature here, and later rows are not forecast.
model = MDNRegressor(
    n_components=2,
    encoding=None,
    validation_fraction=0.25,
    validation_split="shuffled",
    max_iter=120,
    random_state=0,
)
density = cross_val_predict_proba(model, X, y, cv=folds)

# %% The same means with the same spread at all times.
means = density.mean()
ones = np.ones((len(y), 1))
constant = Mixture(ones, means[:, None], np.std(y - means) * ones)

print("out of fold         log-likelihood     CRPS   in the 90 % interval: first 14 ms   later")
early = time < 14
for name, prediction in [("same spread", constant), ("predicted spread", density)]:
    inside = [coverage_score(y[part], prediction[part], level=0.9) for part in (early, ~early)]
    score, crps = log_likelihood_score(y, prediction), crps_loss(y, prediction)
    print(f"{name:18s} {score:10.3f} nats {crps:6.2f} g {inside[0]:34.0%} {inside[1]:7.0%}")
for at in (10, 20, 30, 45):
    row = np.argmin(np.abs(time - at))
    print(f"predicted standard deviation at {at} ms: {density[row].std()[0]:5.1f} g")

# %% The picture: the density of a model of all rows, and the out-of-fold coverage.
figure = Figure(figsize=(11.5, 5), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
model.fit(X, y)
ConditionalDensityDisplay.from_estimator(model, X, y, ax=left)
left.set(xlabel="time after the impact (ms)", ylabel="acceleration (g)")
CoverageDisplay.from_predictions(y, density, ax=right)
picture = (
    sys.argv[1] if len(sys.argv) > 1 else Path(tempfile.mkdtemp(), "heteroscedastic_noise.png")
)
figure.savefig(picture, dpi=100)
print(f"picture: {picture}")
