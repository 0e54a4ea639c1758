"""Zeros and positive values: medical costs, of which many are exactly zero.

Four in ten people here need no doctor in a year: their costs are zero. The costs of the others are
positive and skewed. No mixture of Gaussians is such a distribution: it spreads the zeros to both
sides, and some of its probability lies below zero. With `target_atoms=[0], target_transform="log"`
zero gets a probability of its own, which depends on x, and the rest is a mixture of log-normals.
The answer is one density of the costs, with mean, quantiles and samples.

The truth is known here, as the table is simulated. Compare the two models by CRPS, or by the
log-likelihood of a resolution. Their plain log-likelihoods are no comparison: at zero one is the
logarithm of a probability, and the other that of a density, which grows with every narrower peak.

    python examples/zeros_and_positive_values.py [PICTURE]     # default: in a new temporary folder

Data: simulated below.
"""

# %% The simulated data: who has costs at all, and how high they are, both by age and illness.
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.special import expit

from skmdn import MDNRegressor, Mixture, TargetMixture
from skmdn.metrics import calibration_report, crps_loss, log_likelihood_score


def simulate_people(n: int, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame({"age": rng.integers(18, 90, n), "ill": rng.random(n) < 0.25})


def truth(people: pd.DataFrame) -> TargetMixture:
    """The density of everybody's costs, from which they are drawn."""
    decades, ill = people["age"].to_numpy() / 10, people["ill"].to_numpy()
    nothing = expit(2.2 - 0.45 * decades - 1.5 * ill)
    log_mean = 5.0 + 0.2 * decades + 1.0 * ill
    log_scale = 1.2 - 0.4 * ill
    ones = np.ones((len(people), 1))
    costs = Mixture(ones, log_mean[:, None], log_scale[:, None])
    return TargetMixture(costs, "log", atoms=[0], atom_weights=nothing[:, None])


rng = np.random.default_rng(0)
people, new = simulate_people(4000, rng), simulate_people(2000, rng)
costs = truth(people).sample(1, random_state=1)[:, 0]
new_costs = truth(new).sample(1, random_state=2)[:, 0]
print(f"{np.mean(costs == 0):.0%} of the costs are zero, and the highest is {costs.max():,.0f}")

# %% A plain mixture. The fit warns of the zeros and says what to set, and so does the report. With
# few inputs, on which costs depend smoothly, no encoding is better.
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    plain = MDNRegressor(encoding=None, random_state=0).fit(people, costs)
for warning in caught:
    print(f"warning: {warning.message}")
print(f"report: {calibration_report(new_costs, plain.predict_proba(new)).advice}")

# %% Zeros as an atom, and the logarithm of the rest.
model = MDNRegressor(target_atoms=[0], target_transform="log", encoding=None, random_state=0).fit(
    people, costs
)
densities = {
    "plain mixture": plain.predict_proba(new),
    "atom and log": model.predict_proba(new),
    "truth": truth(new),
}

# %% Three people: the probability of no costs, the mean, and what one in a hundred exceeds.
CASES = pd.DataFrame({"age": [25, 60, 60], "ill": [False, False, True]})
answers = {"plain mixture": plain.predict_proba(CASES), "atom and log": model.predict_proba(CASES)}
for name, density in (answers | {"truth": truth(CASES)}).items():
    shown = CASES.assign(model=name)
    below, zero = density.cdf(-1e-9), density.cdf(0.0)
    shown["P(y < 0)"], shown["P(y = 0)"] = below.round(2), (zero - below).round(2)
    shown["mean"], shown["99 %"] = density.mean().round(-1), density.ppf(0.99).round(-1)
    print("\n" + shown.to_string(index=False))

# %% All new people: the error of each answer, and the scores, in the units of the costs.
exact = densities["truth"]
rows = {}
for name, density in densities.items():
    rows[name] = {
        "error of P(y <= 0)": np.mean(np.abs(density.cdf(0.0) - exact.cdf(0.0))),
        "of the mean": np.mean(np.abs(density.mean() / exact.mean() - 1)),
        "of the 99 %": np.mean(np.abs(density.ppf(0.99) / exact.ppf(0.99) - 1)),
        "CRPS": crps_loss(new_costs, density),
        "log-likelihood": log_likelihood_score(new_costs, density, resolution=1.0),
    }
print("\n" + pd.DataFrame(rows).T.round(3).to_string())

# %% The picture: the distribution function of a healthy person of 60, on a scale that shows both.
figure = Figure(figsize=(9, 4), layout="constrained")
left, right = figure.subplots(1, 2)
grid = np.concatenate([-np.geomspace(1e4, 1, 300), [-1e-9, 0.0], np.geomspace(1, 1e5, 600)])
styles = {"plain mixture": "#D55E00", "atom and log": "#0072B2", "truth": "k"}
case = CASES.iloc[[1]]
curves = {"plain mixture": plain.predict_proba(case), "atom and log": model.predict_proba(case)}
for name, density in (curves | {"truth": truth(case)}).items():
    ls = "--" if name == "truth" else "-"
    left.plot(grid, density.cdf(grid[None])[0], ls, color=styles[name], label=name)
left.set_xscale("symlog", linthresh=10)
left.set(xlabel="cost y", ylabel="P(cost ≤ y)", title="Sixty years old, not ill", ylim=(0, 1))
left.legend(frameon=False)
ages = pd.DataFrame({"age": np.arange(18, 90), "ill": False})
for name, density in {
    "plain mixture": plain.predict_proba(ages),
    "atom and log": model.predict_proba(ages),
    "truth": truth(ages),
}.items():
    ls = "--" if name == "truth" else "-"
    right.plot(ages["age"], density.ppf(0.99), ls, color=styles[name], label=name)
right.set(
    xlabel="age", ylabel="cost that one in a hundred exceeds", title="Not ill", ylim=(0, None)
)
picture = (
    sys.argv[1] if len(sys.argv) > 1 else Path(tempfile.mkdtemp(), "zeros_and_positive_values.png")
)
figure.savefig(picture, dpi=100)
print(f"picture: {picture}")
