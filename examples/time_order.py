"""Rows in time order: from the file to intervals that hold in the weeks to come.

An hourly series of a town's demand for power. Consecutive hours are alike, even in what no column
explains. So shuffled rows are no judge: the network has seen the hours next to them. Made by them,
90 % intervals hold about two thirds of the demands to come. The defaults notice that rows are
alike. They validate on runs of rows, and make spreads as wide as a forecast of the last quarter of
the rows, by a network of those before, calls for.

What the table at the end shows:

- With the defaults, intervals of one network and of the ensemble hold as much as they promise, and
  both are more accurate than the others.
- `validation_split="last"` validates on the last rows alone. But the newest rows do not train, and
  one short stretch may be unlike the weeks to come: coverage differs more from town to town.
- `ConformalMDNRegressor(cv="last")` fits its intervals to the last fifth of the rows, whatever the
  model. But that model trains on fewer rows, and its CRPS is worse.

    python examples/time_order.py [PICTURE]     # default: in a new temporary folder

Data: simulated below, for three towns that do not exist.
"""

# %% The simulated data, one CSV per town: time, weather and demand in megawatts.
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.signal import lfilter
from sklearn.model_selection import KFold

from skmdn import ConformalMDNRegressor, MDNEnsembleRegressor, MDNRegressor
from skmdn.metrics import crps_loss, log_likelihood_score

WEEK = 7 * 24
TOWNS = ["Aford", "Beham", "Ceby"]


def persistent(n: int, hours: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise (n,) of variance 1 whose autocorrelation falls to 1/e in some hours."""
    kept = np.exp(-1 / hours)
    return lfilter([np.sqrt(1 - kept**2)], [1, -kept], rng.normal(size=n + 500))[500:]


def simulate(n: int, rng: np.random.Generator) -> pd.DataFrame:
    time = pd.date_range("2025-01-06", periods=n, freq="h")
    hour, works = time.hour.to_numpy(), time.day_of_week.to_numpy() < 5
    temperature = 6 + 5 * persistent(n, 48, rng) + 3 * np.sin(2 * np.pi * (hour - 9) / 24)
    wind = np.exp(1.4 + 0.5 * persistent(n, 36, rng))
    cloud = 1 / (1 + np.exp(-2 * persistent(n, 24, rng)))
    cold = np.maximum(15 - temperature, 0)
    demand = 60 + 1.2 * cold + 0.03 * wind * cold + 3 * cloud
    demand += works * (6 + 12 * np.exp(-(((hour - 8) / 3) ** 2)))
    demand += 10 * np.exp(-(((hour - 19) / 3) ** 2))
    # No column says when the foundry runs. It takes 14 megawatts, for some hours at a time.
    demand += 14 * (persistent(n, 12, rng) > 0.5)
    demand += 3 * persistent(n, 12, rng) + 0.7 * rng.normal(size=n)
    columns = {"temperature": temperature, "wind": wind, "cloud": cloud, "demand": demand}
    table = pd.DataFrame(columns).round(2)
    table.insert(0, "time", time)
    return table


folder = Path(tempfile.mkdtemp())
for seed, town in enumerate(TOWNS):
    table = simulate(24 * WEEK, np.random.default_rng(seed))
    table.to_csv(folder / f"{town}.csv", index=False)

# %% Read a file. Dates are refused, because a network cannot know what to make of them.
table = pd.read_csv(folder / "Aford.csv", parse_dates=["time"])
print(table.head(3).to_string(index=False))
try:
    MDNRegressor().fit(table.drop(columns="demand"), table["demand"])
except ValueError as error:
    print(f"ValueError: {error}\n")


# %% So take from the time what the demand may depend on. The weekday is text: a category.
def with_calendar(table: pd.DataFrame) -> pd.DataFrame:
    time = table["time"].dt
    return table.assign(hour=time.hour, weekday=time.day_name()).drop(columns="time")


def weeks_of(town: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Twenty weeks to train with, and four weeks after them for the test."""
    table = with_calendar(pd.read_csv(folder / f"{town}.csv", parse_dates=["time"]))
    return table.iloc[: 20 * WEEK], table.iloc[20 * WEEK :]


# %% Six ways to fit. The ensemble has one view, to save time; the default has three.
network = MDNRegressor(random_state=0)
views = [("network", MDNRegressor())]
shuffled_folds = KFold(5, shuffle=True, random_state=0)
MODELS = {
    "network, shuffled": MDNRegressor(validation_split="shuffled", random_state=0),
    "network, default": network,
    "network, last": MDNRegressor(validation_split="last", random_state=0),
    "ensemble, shuffled": MDNEnsembleRegressor(views, cv=shuffled_folds, random_state=0),
    "ensemble, default": MDNEnsembleRegressor(views, random_state=0),
    "conformal, last": ConformalMDNRegressor(network, cv="last", random_state=0),
}


def division(model) -> str:
    """How the rows were divided into those that train and others, and why."""
    kind = model.validation_split_ if isinstance(model, MDNRegressor) else model.folds_
    p_value = model.dependence_p_value_  # of the test whether consecutive rows are alike
    if p_value is None:
        return f"{kind}, as asked"
    return (
        f"{kind}: consecutive rows are{'' if p_value < 1e-4 else ' not'} alike (p = {p_value:.4f})"
    )


def held_out_score(model) -> float:
    """Log-likelihood of the rows held out of the training, by which the model judged itself."""
    if isinstance(model, MDNEnsembleRegressor):
        return model.oof_score_
    return -min(model.validation_loss_curve_) if isinstance(model, MDNRegressor) else np.nan


def interval_of(model, X: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends (n,) of the 90 % intervals."""
    if isinstance(model, ConformalMDNRegressor):
        return model.predict_interval(X, 0.9).T
    return model.predict_proba(X).interval(0.9).T


# %% Fit them in every town, and test them on the weeks after.
results, warned = [], []
for town in TOWNS:
    train, test = weeks_of(town)
    X, y = test.drop(columns="demand"), test["demand"].to_numpy()
    for name, model in MODELS.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(train.drop(columns="demand"), train["demand"])
        warned += [(name, str(warning.message)) for warning in caught]
        density, (low, high) = model.predict_proba(X), interval_of(model, X)
        scores = {
            "covered": np.mean((low <= y) & (y <= high)),
            "width": np.mean(high - low),
            "CRPS": crps_loss(y, density),
            "held out": held_out_score(model),
            "later": log_likelihood_score(y, density),
        }
        results.append({"model": name, **scores})

for name, model in MODELS.items():
    print(f"{name:18s} {division(model)}")
# A fit warns if it sees that errors of held-out rows go together. In shuffled ones it may not see
# it: the networks know the hours next to them.
print("warnings:", len(warned), "in", len(results), "fits")
for name, message in warned[:1]:
    print(f"  {name}: {message}")

# %% Means of the towns. Covered: the share of demands in intervals of 90 %, also the least and the
# most of any town. Width and CRPS are in megawatts. Held out and later: log-likelihoods of the rows
# held out of the training, and of the weeks after, in nats per hour.
by_model = pd.DataFrame(results).groupby("model", sort=False)
means, covered = by_model.mean(), by_model["covered"]
means = means.assign(least=covered.min(), most=covered.max()).rename_axis(None)
columns = ["covered", "least", "most", "width", "CRPS", "held out", "later"]
print("\n" + means[columns].round(2).to_string(na_rep=""))

# %% The picture: the first week after the training in the last town, by two of the models.
week = test.iloc[:WEEK]
X, y, hours = week.drop(columns="demand"), week["demand"].to_numpy(), np.arange(WEEK)
figure = Figure(figsize=(9, 6), layout="constrained")
axes = figure.subplots(2, 1, sharex=True, sharey=True)
for ax, name in zip(axes, ["network, shuffled", "network, default"], strict=True):
    low, high = interval_of(MODELS[name], X)
    outside = (y < low) | (y > high)
    ax.fill_between(hours, low, high, color="#0072B2", alpha=0.3, lw=0, label="90 % interval")
    ax.plot(hours, y, "k-", lw=1, label="demand")
    ax.plot(hours[outside], y[outside], "o", color="#D55E00", ms=3, label="outside")
    share = f"{100 - 100 * outside.mean():.0f} % of the hours inside"
    ax.set(title=f"{name}: {share}", ylabel="megawatts")
axes[1].set(xlabel="hours after the end of the training data", xlim=(0, WEEK))
axes[1].legend(frameon=False, loc="upper left", ncols=3)
picture = sys.argv[1] if len(sys.argv) > 1 else Path(tempfile.mkdtemp(), "time_order.png")
figure.savefig(picture, dpi=100)
print(f"picture: {picture}")
