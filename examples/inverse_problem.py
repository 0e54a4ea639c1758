"""The inverse problem of Bishop (1994): several right answers for one question.

Forwards, x = t + 0.3 sin(2 pi t) + noise is a function of t. Backwards, one x may come from three
different t. A regressor of the mean predicts a t between them, which gives another x. A mixture
density network predicts where the possible t are and how probable each is.

    python examples/inverse_problem.py [PICTURE]     # default: in a new temporary folder

C. M. Bishop, "Mixture density networks", Technical Report NCRG/94/004, Aston University, 1994.
"""

# %% The data: draw t and compute x; then t is to be predicted from x.
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor

from skmdn import MDNRegressor, Mixture
from skmdn.metrics import log_likelihood_score
from skmdn.plotting import ConditionalDensityDisplay, PredictiveDensityDisplay

rng = np.random.default_rng(0)
t = rng.uniform(0.0, 1.0, 1000)
x = t + 0.3 * np.sin(2 * np.pi * t) + rng.uniform(-0.1, 0.1, 1000)
X_train, X_test, t_train, t_test = train_test_split(x[:, None], t, random_state=0)

# %% A regressor of the mean with the spread of its errors, and a mixture density network.
mean = MLPRegressor(hidden_layer_sizes=(64, 64), max_iter=500, random_state=0).fit(X_train, t_train)
error = np.std(t_train - mean.predict(X_train))
ones = np.ones((len(X_test), 1))
gaussian = Mixture(ones, mean.predict(X_test)[:, None], error * ones)

# One smooth input needs no encoding.
model = MDNRegressor(n_components=3, encoding=None, random_state=0).fit(X_train, t_train)
density = model.predict_proba(X_test)

print("held-out log-likelihood (nats per row)")
print(f"  mean and constant spread: {log_likelihood_score(t_test, gaussian):6.3f}")
print(f"  mixture density network:  {log_likelihood_score(t_test, density):6.3f}")

# %% At x = 0.5 there are three answers. Here the mean is one of them, but only by symmetry.
asked = np.array([[0.1], [0.35], [0.5], [0.65], [0.9]])
answers = model.predict_proba(asked)
modes, heights = answers.modes(return_density=True)
for row, at in enumerate(asked[:, 0]):
    high = np.sort(modes[row][heights[row] > 0.1 * heights[row, 0]])
    text = ", ".join(f"{mode:.2f}" for mode in high)
    print(f"x = {at:.2f}: mean {answers[row].mean()[0]:.2f}, modes {text}")

# %% The picture: the density over x, and the densities at five x.
figure = Figure(figsize=(11, 4.4), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=[1.3, 1])
display = ConditionalDensityDisplay.from_estimator(model, X_test, t_test, ax=left)
left.set(xlabel="x", ylabel="t")
PredictiveDensityDisplay.from_predictions(None, answers, ax=right)
right.set_yticks(range(5)[::-1], [f"x = {at:.2f}" for at in asked[:, 0]])
right.set_xlabel("t")
picture = sys.argv[1] if len(sys.argv) > 1 else Path(tempfile.mkdtemp(), "inverse_problem.png")
figure.savefig(picture, dpi=100)
print(f"picture: {picture}")
