"""Other packages' predictive densities on the classical UCI sets, by the protocol of uci.py.

    pip install ngboost skpro quantile-forest     # each is optional
    python examples/benchmarks/peers.py --data DIR [--sets yacht,power] [--splits 3:20]
        [--models linear,ngboost] [--csv FILE] [--jobs 2] [--quick]

Every peer runs with its own defaults and is scored by skmdn.metrics. The classes below give it the
methods `fit`, `predict_proba` (anything that skmdn.metrics can score) and `predict` (the mean).
"""

from typing import Any

import numpy as np
from scipy import stats
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from uci_protocol import Factory, main

from skmdn import Mixture
from skmdn.metrics import QuantilePrediction

LEVELS = np.arange(1, 100) / 100  # for the quantile forest


class LinearGaussian:
    """A linear model with Gaussian noise of constant width, by maximum likelihood."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> "LinearGaussian":
        self.line = LinearRegression().fit(X, y)
        self.noise = np.std(y - self.line.predict(X))
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.line.predict(X)

    def predict_proba(self, X: np.ndarray) -> Any:
        return stats.norm(self.predict(X), self.noise)


class GaussianProcess:
    """A length scale per feature, and noise; the time grows with the cube of the rows."""

    max_rows = 3000

    def __init__(self, split: int) -> None:
        self.seed = split

    def fit(self, X: np.ndarray, y: np.ndarray) -> "GaussianProcess":
        kernel = ConstantKernel() * RBF(np.ones(X.shape[1])) + WhiteKernel(0.1)
        process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=self.seed)
        self.model = make_pipeline(StandardScaler(), process).fit(X, y)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.model.predict(X)

    def predict_proba(self, X: np.ndarray) -> Any:
        return stats.norm(*self.model.predict(X, return_std=True))


class NGBoost:
    """Natural gradient boosting of a Gaussian (Duan et al., ICML 2020)."""

    def __init__(self, split: int, **settings: Any) -> None:
        from ngboost import NGBRegressor

        self.model = NGBRegressor(random_state=split, verbose=False, **settings)

    def fit(self, X: np.ndarray, y: np.ndarray) -> "NGBoost":
        self.model.fit(X, y)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.model.predict(X)

    def predict_proba(self, X: np.ndarray) -> Any:
        return self.model.pred_dist(X).dist


def stopped_ngboost(split: int) -> NGBoost:
    """NGBoost that chooses its number of trees, up to 2000, on a tenth of its rows."""
    return NGBoost(split, n_estimators=2000, early_stopping_rounds=20, validation_fraction=0.1)


class SkproMDN:
    """skpro's mixture density network, with scaling added: in the units of the data it fails."""

    def __init__(self, split: int) -> None:
        from skpro.regression.mdn import MDNRegressor

        self.model = MDNRegressor(random_state=split)

    def fit(self, X: np.ndarray, y: np.ndarray) -> "SkproMDN":
        import pandas as pd

        self.X_scaler = StandardScaler().fit(X)
        self.mean, self.scale = y.mean(), y.std()
        z = pd.DataFrame((y - self.mean) / self.scale)
        self.model.fit(pd.DataFrame(self.X_scaler.transform(X)), z)
        return self

    def predict_proba(self, X: np.ndarray) -> Mixture:
        import pandas as pd

        density = self.model.predict_proba(pd.DataFrame(self.X_scaler.transform(X)))
        weights = np.asarray(density.pi, dtype=np.float64)  # float32 ones do not sum to one
        standard = Mixture(
            weights / weights.sum(axis=1, keepdims=True), density.mu[..., 0], density.sigma[..., 0]
        )
        return standard.affine(self.mean, self.scale)

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.predict_proba(X).mean()


class QuantileForest:
    """Quantile regression forest (Meinshausen, JMLR 2006): no density, so no NLL."""

    def __init__(self, split: int) -> None:
        from quantile_forest import RandomForestQuantileRegressor

        self.model = RandomForestQuantileRegressor(random_state=split)

    def fit(self, X: np.ndarray, y: np.ndarray) -> "QuantileForest":
        self.model.fit(X, y)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.model.predict(X, quantiles="mean")

    def predict_proba(self, X: np.ndarray) -> QuantilePrediction:
        return QuantilePrediction(self.model.predict(X, quantiles=list(LEVELS)), LEVELS)


PEERS: dict[str, Factory] = {
    "linear": lambda split: LinearGaussian(),
    "gp": GaussianProcess,
    "ngboost": NGBoost,
    "ngboost-stopped": stopped_ngboost,
    "skpro": SkproMDN,
    "quantile-forest": QuantileForest,
}

if __name__ == "__main__":
    main(__doc__.splitlines()[0], PEERS, ",".join(PEERS))
