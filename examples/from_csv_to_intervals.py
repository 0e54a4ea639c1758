"""From a CSV to intervals: which rents are plausible for a flat?

The table has text columns, and some of its cells are empty. `MDNRegressor` takes it as it was read:
text columns are categories, and cells may be empty. Cross-validation and the plots take it too. A
Pipeline with an encoder and an imputer does the same work by hand; it stands beside for comparison.

    python examples/from_csv_to_intervals.py [PICTURE]     # default: in a new temporary folder

Data: simulated by flat_rents.py, see the head of flat_rents.csv.
"""

# %% Read the table, and set a quarter of its rows aside for the test.
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skmdn import ConformalMDNRegressor, MDNRegressor
from skmdn.metrics import coverage_score, log_likelihood_scorer, neg_crps_scorer
from skmdn.plotting import ConditionalDensityDisplay, PredictiveDensityDisplay

table = pd.read_csv(Path(__file__).with_name("flat_rents.csv"), comment="#")
X, y = table.drop(columns="rent"), table["rent"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %% The table straight in, beside the Pipeline, and beside the columns of numbers alone.
text, numbers = ["district", "heating"], ["area", "floor", "year"]
network = MDNRegressor(random_state=0)
encode = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
fill = SimpleImputer(strategy="median", add_indicator=True)
candidates = {
    "table as it is": network,
    "Pipeline": make_pipeline(make_column_transformer((encode, text), (fill, numbers)), network),
    "numbers only": make_pipeline(make_column_transformer(("passthrough", numbers)), network),
}
scoring = {"log-likelihood": log_likelihood_scorer, "CRPS": neg_crps_scorer, "R²": "r2"}
means = {}
for name, candidate in candidates.items():
    scores = cross_validate(candidate, X_train, y_train, scoring=scoring, error_score="raise")
    means[name] = {key: scores[f"test_{key}"].mean() for key in scoring}
# Log-likelihood in nats per flat; CRPS in euros, where less is better.
print(pd.DataFrame(means).T.assign(CRPS=lambda shown: -shown["CRPS"]).round(2).to_string())

# %% Intervals of the rents in the test part, and the probability of more than 1,500 euros.
model = network.fit(X_train, y_train)
density = model.predict_proba(X_test)
answers = X_test.assign(rent=y_test, median=density.median())
answers[["low", "high"]] = density.interval(0.9)
answers["over 1500"] = density.sf(1500)
shown = answers.head(8).round({"median": -1, "low": -1, "high": -1, "over 1500": 2})
print(shown.to_string(index=False))
print(
    f"of {len(y_test)} rents {coverage_score(y_test, density, level=0.9):.1%} are in the interval"
)

# %% Coverage that is guaranteed: models of five folds calibrate each other.
conformal = ConformalMDNRegressor(model, cv=5, random_state=0).fit(X_train, y_train)
low, high = conformal.predict_interval(X_test, 0.9).T
print(f"in the conformal interval: {np.mean((low <= y_test) & (y_test <= high)):.1%}")

# %% A flat that is not in the table: its year and its heating are unknown.
flat = pd.DataFrame([{"district": "Harbour", "area": 60, "floor": 2}], columns=X.columns)
asked = model.predict_proba(flat)
pieces = asked.hdr(0.9)[0]
text = " or ".join(f"{low:.0f} to {high:.0f}" for low, high in pieces[~np.isnan(pieces[:, 0])])
print(f"60 square metres at the harbour: {text} euros, with a probability of 90 %")

# %% The picture: five flats of the test part, and the rents at the harbour over the area.
figure = Figure(figsize=(11, 4.4), layout="constrained")
left, right = figure.subplots(1, 2, width_ratios=[1, 1.3])
display = PredictiveDensityDisplay.from_estimator(model, X_test, y_test, ax=left)
shown = X_test.iloc[display.rows]
names = [f"{flat.district},\n{flat.area} m²" for flat in shown.itertuples()]
left.set_yticks(left.get_yticks(), names)
left.set_xlabel("rent (euros a month)")
harbour = X_test["district"].to_numpy() == "Harbour"
ConditionalDensityDisplay.from_estimator(
    model, X_test[harbour], y_test[harbour], feature="area", ax=right
)
right.set(xlabel="area (m²), at the harbour", ylabel="rent (euros a month)")
picture = (
    sys.argv[1] if len(sys.argv) > 1 else Path(tempfile.mkdtemp(), "from_csv_to_intervals.png")
)
figure.savefig(picture, dpi=100)
print(f"picture: {picture}")
