"""Validation data and sample weights on their way through a Pipeline and a grid search.

`MDNRegressor.fit` takes validation data and weights. In a Pipeline, here with an encoder, they have
to reach the network: validation inputs through the same transformers as X, targets and weights as
they are. The metadata routing of scikit-learn does that. The network says what it asks for
(`set_fit_request`), and the Pipeline which of it is transformed like X (`transform_input`).

    python examples/validation_in_a_pipeline.py [PICTURE]     # default: in a new temporary folder

Data: simulated by flat_rents.py, see the head of flat_rents.csv.
"""

# %% The data. The city wants every district to count alike, so flats of rare ones weigh more.
import sys
import tempfile
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from sklearn import clone, config_context
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from skmdn import MDNRegressor
from skmdn.metrics import log_likelihood_score, log_likelihood_scorer
from skmdn.plotting import PITDisplay

table = pd.read_csv(Path(__file__).with_name("flat_rents.csv"), comment="#")
X, y = table.drop(columns="rent"), table["rent"]
counts = X["district"].value_counts(dropna=False)
weights = 1 / X["district"].map(counts)
X, X_test, y, y_test, weights, test_weights = train_test_split(X, y, weights, random_state=0)
X_train, X_val, y_train, y_val, w_train, w_val = train_test_split(X, y, weights, random_state=0)

# %% Who gets what. A request is only allowed with metadata routing enabled.
with config_context(enable_metadata_routing=True):
    encode = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    columns = make_column_transformer((encode, ["district", "heating"]), remainder="passthrough")
    network = MDNRegressor(max_iter=20, random_state=0).set_fit_request(
        sample_weight=True, X_val=True, y_val=True, sample_weight_val=True
    )
    model = Pipeline([("columns", columns), ("network", network)], transform_input=["X_val"])
    scorer = clone(log_likelihood_scorer).set_score_request(sample_weight=True)

    # Weights are split like the rows. Validation data are whole in every fold: give them another
    # number of rows than X, as a search splits whatever has as many.
    search = GridSearchCV(
        model, {"network__n_components": [1, 3, 5]}, scoring=scorer, cv=3, error_score="raise"
    )
    search.fit(
        X_train,
        y_train,
        sample_weight=w_train,
        X_val=X_val,
        y_val=y_val,
        sample_weight_val=w_val,
    )

for parameters, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    print(f"{parameters['network__n_components']} component(s): {score:.3f} nats per flat")

# %% The best model has validated on the data given, and predicts as ever.
best = search.best_estimator_
density = best.predict_proba(X_test)
judged = len(best[-1].validation_loss_curve_) - 1  # the first is before training
print(f"checkpoints judged by X_val: {judged}")
score = log_likelihood_score(y_test, density, sample_weight=test_weights)
print(f"test part, districts alike: {score:.3f} nats per flat")

# %% The picture: probability integral transforms of the test part.
figure = Figure(figsize=(6, 4), layout="constrained")
PITDisplay.from_predictions(y_test, density, ax=figure.subplots())
picture = (
    sys.argv[1] if len(sys.argv) > 1 else Path(tempfile.mkdtemp(), "validation_in_a_pipeline.png")
)
figure.savefig(picture, dpi=100)
print(f"picture: {picture}")
