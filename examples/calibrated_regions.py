"""Regions that keep their promise: calibration, and conformal prediction.

A density learnt from few rows is easily overconfident: its 90 % regions hold less than 90 % of new
outcomes. `CoverageDisplay` shows this. `ConformalMDNRegressor` corrects it, with a guarantee. Its
regions follow the shape of the density: where two answers are possible, they have two pieces. A
single interval with the same guarantee is longer.

    python examples/calibrated_regions.py [PICTURE]     # default: in a new temporary folder
"""

# %% The data: two branches; 300 rows for training, 1,000 for the test.
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from skmdn import MDNRegressor
from skmdn.conformal import ConformalMDNRegressor
from skmdn.plotting import CoverageDisplay


def draw_rows(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = rng.uniform(0.0, 3.0, n)
    branch = rng.choice([-1.0, 1.0], n)
    return x[:, None], branch * (1 + np.sin(2 * x)) + 0.2 * rng.standard_t(5, n)


rng = np.random.default_rng(0)
X_train, y_train = draw_rows(300, rng)
X, y = draw_rows(1000, rng)

# %% One network by itself, and five that calibrate each other.
# Overconfident on purpose: little decay, many passes, and no validation part.
network = MDNRegressor(
    n_components=3,
    alpha=0.04,
    encoding="piecewise",
    max_iter=40,
    validation_fraction=None,
    random_state=0,
)
plain = network.fit(X_train, y_train)
conformal = ConformalMDNRegressor(network, cv=5, random_state=0).fit(X_train, y_train)

# %% Size and coverage of three kinds of 90 % regions on new rows.
regions = {
    "highest density, as predicted": plain.predict_proba(X).hdr(0.9),
    "highest density, conformal": conformal.predict_region(X, 0.9),
    "one interval, conformal": conformal.predict_interval(X, 0.9)[:, None],
}
for name, region in regions.items():
    inside = np.any((region[..., 0] <= y[:, None]) & (y[:, None] <= region[..., 1]), axis=1)
    length = np.nansum(region[..., 1] - region[..., 0], axis=1)
    print(f"{name:30s} coverage {inside.mean():.1%}, mean length {length.mean():.2f}")

# %% The picture.
figure = Figure(figsize=(11, 4.6), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=[1, 1.5])
CoverageDisplay.from_estimator(plain, X, y, ax=left)
grid = np.linspace(0, 3, 301)
region = conformal.predict_region(grid[:, None], 0.9)
interval = conformal.predict_interval(grid[:, None], 0.9)
ends = region.reshape(-1, 2)  # a short line for every interval, as their number changes with x
at = np.repeat(grid, region.shape[1])
right.vlines(at, *ends.T, color="#A6CDE3", lw=2.5, zorder=0, label="conformal 90% region")
right.plot(grid, interval, "k--", lw=1.2, label=["conformal 90% interval", None])
right.plot(X_train, y_train, "o", ms=3, mfc="none", mec="0.3", mew=0.6, label="training rows")
right.set(xlabel="x", ylabel="y")
right.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize="small")
picture = sys.argv[1] if len(sys.argv) > 1 else Path(tempfile.mkdtemp(), "calibrated_regions.png")
figure.savefig(picture, dpi=100)
print(f"picture: {picture}")
