"""A Pipeline with columns of mixed kinds: numbers with gaps, and names.

`MDNRegressor` takes numbers; what makes numbers of a table's columns stands before it in a
Pipeline, and `predict_proba`, cross-validation and plots work on the whole. Here: how long does a
delivery take, by distance, vehicle and hour?

    python examples/mixed_columns.py [PICTURE]     # default: mixed_columns.png
"""

# %% The table: couriers on bicycles sometimes carry two orders, which takes twice as long.
import sys

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skmdn import MDNRegressor
from skmdn.metrics import log_likelihood_scorer, neg_crps_scorer
from skmdn.plotting import ConditionalDensityDisplay, PredictiveDensityDisplay

rng = np.random.default_rng(0)
n = 1200
vehicle = rng.choice(["bicycle", "car", "scooter"], n)
distance = rng.gamma(3.0, 1.2, n)
hour = rng.uniform(8.0, 22.0, n)
pace = pd.Series(vehicle).map({"bicycle": 5.0, "car": 3.0, "scooter": 2.5}).to_numpy()
rush = np.where(vehicle == "car", 1 + 0.8 * np.exp(-((hour - 17.5) ** 2) / 2), 1.0)
orders = np.where((vehicle == "bicycle") & (rng.random(n) < 0.4), 2.0, 1.0)
minutes = 5 + pace * rush * distance * orders * rng.lognormal(0.0, 0.1, n)
hour[rng.random(n) < 0.1] = np.nan  # not always written down
X = pd.DataFrame({"distance (km)": distance, "vehicle": vehicle, "hour": hour})
y = pd.Series(minutes, name="duration (min)")

# %% The Pipeline, judged in cross-validation beside the same without the names.
numbers, names = ["distance (km)", "hour"], ["vehicle"]
network = MDNRegressor(n_components=3, max_iter=40, random_state=0)
fill = SimpleImputer(strategy="median", add_indicator=True)
encode = OneHotEncoder(sparse_output=False)
candidates = {
    "numbers only": make_pipeline(make_column_transformer((fill, numbers)), network),
    "all columns": make_pipeline(
        make_column_transformer((fill, numbers), (encode, names)), network
    ),
}
scoring = {"log-likelihood": log_likelihood_scorer, "crps": neg_crps_scorer, "r2": "r2"}
for name, model in candidates.items():
    scores = cross_validate(model, X, y, scoring=scoring, cv=3, error_score="raise")
    density, crps, r2 = (scores[f"test_{key}"].mean() for key in scoring)
    print(f"{name}: log-likelihood {density:.3f} nats, CRPS {-crps:.2f} min, R² {r2:.3f}")

# %% The picture: bicycles' durations over the distance, and three single deliveries.
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = candidates["all columns"].fit(X_train, y_train)
bicycles = X_test["vehicle"].to_numpy() == "bicycle"
figure = Figure(figsize=(11, 4.4), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=[1.3, 1])
ConditionalDensityDisplay.from_estimator(
    model, X_test[bicycles], y_test[bicycles], feature="distance (km)", ax=left
)
left.set_title("bicycles, at the median hour", loc="right", y=1.06)
far = (X_test["distance (km)"] - 4).abs().to_numpy()
rows = [np.argmin(far + 99 * (X_test["vehicle"] != kind)) for kind in np.unique(vehicle)]
PredictiveDensityDisplay.from_estimator(model, X_test, y_test, rows=rows, ax=right)
right.set_yticks([2, 1, 0], [f"{X_test.iloc[r, 1]},\n{X_test.iloc[r, 0]:.1f} km" for r in rows])
picture = sys.argv[1] if len(sys.argv) > 1 else "mixed_columns.png"
figure.savefig(picture, dpi=100)
print(f"picture: {picture}")
