"""What a user does first with an installed skmdn: fit, predict, sample, keep and load."""

import pickle

import numpy as np

from skmdn import MDNRegressor

rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, size=(200, 2))
y = X[:, 0] + rng.choice([-1, 1], size=200) + rng.normal(scale=0.1, size=200)
model = MDNRegressor(max_iter=50, random_state=0).fit(X, y)
density = model.predict_proba(X)
assert np.isfinite(density.logpdf(y)).all()
assert density.sample(7, random_state=0).shape == (200, 7)
loaded = pickle.loads(pickle.dumps(model))
np.testing.assert_array_equal(loaded.predict_proba(X).logpdf(y), density.logpdf(y))
print("the installed package fits, predicts, samples, and is kept and loaded")
