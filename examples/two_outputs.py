"""Two outputs that move together: full covariance, and what one output says about the other.

A ball is thrown; where does it land? Range and drift depend on the angle, on a gust that changes
both, and on whether the ball bounces. With full covariance each Gaussian may tilt. `condition` then
answers what two separate models cannot: which drift is plausible, given the range?

    python examples/two_outputs.py [PICTURE]     # default: in a new temporary folder
"""

# %% The data.
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.model_selection import train_test_split

from skmdn import MDNRegressor
from skmdn.metrics import energy_loss, log_likelihood_score
from skmdn.plotting import ConditionalDensityDisplay

rng = np.random.default_rng(0)
angle = rng.uniform(20.0, 70.0, 1500)  # degrees
gust = rng.normal(0.0, 1.0, 1500)
bounce = np.where(rng.random(1500) < 0.4, 6.0, 0.0)
reach = 40.0 * np.sin(2 * np.radians(angle)) + 2.0 * gust + bounce
drift = 0.05 * (angle - 20.0) * gust + 0.3 * bounce + rng.normal(0.0, 0.4, 1500)
X, Y = angle[:, None], np.column_stack([reach, drift])
X_train, X_test, Y_train, Y_test = train_test_split(X, Y, random_state=0)

# %% Diagonal and full covariance, with the same number of components.
for covariance_type in ("diag", "full"):
    model = MDNRegressor(
        n_components=2, covariance_type=covariance_type, max_iter=60, random_state=0
    ).fit(X_train, Y_train)
    density = model.predict_proba(X_test)
    score, energy = log_likelihood_score(Y_test, density), energy_loss(Y_test, density)
    print(f"{covariance_type}: held-out log-likelihood {score:.3f} nats, energy loss {energy:.3f}")

# %% What is known about the drift at 60 degrees, before and after the range is measured?
throw = model.predict_proba([[60.0]])
covariance = throw.cov()[0]
correlation = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
print(f"at 60 degrees range and drift correlate by {correlation:.2f}")
drift_alone = throw.marginal(1)
ranges = [32.0, 37.0, 42.0]
drifts = [throw.condition({0: [value]}).marginal(0) for value in ranges]
print(f"drift: {drift_alone.mean()[0]:5.2f} ± {drift_alone.std()[0]:.2f} m")
for value, known in zip(ranges, drifts, strict=True):
    print(f"drift: {known.mean()[0]:5.2f} ± {known.std()[0]:.2f} m, given a range of {value:.0f} m")

# %% The picture: regions of three throws, and the drift at 60 degrees given the range.
figure = Figure(figsize=(11, 4.4), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
rows = [int(np.argmin(np.abs(X_test[:, 0] - at))) for at in (25, 45, 60)]
named = {row: f"{X_test[row, 0]:.0f} degrees" for row in rows}
ConditionalDensityDisplay.from_estimator(model, X_test, Y_test, rows=named, ax=left)
left.set(xlabel="range (m)", ylabel="drift (m)")
y = np.linspace(-7, 9, 400)
styles = ["-", "--", "-."]
right.fill_between(y, drift_alone.pdf(y[None])[0], color="0.85", label="range unknown")
for value, known, style in zip(ranges, drifts, styles, strict=True):
    right.plot(y, known.pdf(y[None])[0], color="k", ls=style, label=f"range {value:.0f} m")
right.set(xlabel="drift at 60 degrees (m)", ylabel="density (1/m)", ylim=(0, None))
right.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize="small")
picture = sys.argv[1] if len(sys.argv) > 1 else Path(tempfile.mkdtemp(), "two_outputs.png")
figure.savefig(picture, dpi=100)
print(f"picture: {picture}")
