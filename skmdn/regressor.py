"""The estimator: checks at the door, fitted attributes, answers as densities."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from skmdn._estimators.atomic_fit import unchanged_on_error
from skmdn._estimators.inputs import check_inputs, check_training_data, check_validation_data
from skmdn._estimators.interrupts import pass_interrupt_on
from skmdn._estimators.point_estimates import points, spread_method
from skmdn._estimators.random_state import new_generator
from skmdn._predictor import Predictor
from skmdn._training.settings import Settings, check_settings
from skmdn.mixture import Mixture

if TYPE_CHECKING:
    from skmdn._training.fitting import Fitted, PlainState


class MDNRegressor(RegressorMixin, BaseEstimator):
    r"""Mixture density network: predicts a whole density p(y | x) as a Gaussian mixture.

    A multilayer perceptron computes, for every row x, the mixing proportions (softmax), means and
    covariances of a mixture of K Gaussians over y, and is trained by minimising the negative
    log-likelihood [1]_,

    .. math:: -\log p(y \mid x) = -\log \sum_{k=1}^K \pi_k(x)\, N(y; \mu_k(x), \Sigma_k(x)).

    Inputs and targets are standardised inside (weighted, undone exactly), so their units do not
    matter. All parameters are keyword-only.

    Parameters
    ----------
    n_components : int, default=5
        Number of Gaussians K.
    covariance_type : {"spherical", "diag", "full"}, default="diag"
        Covariance of a component over several outputs: one variance in units of the standardised
        outputs, one variance per output, or a full matrix. For one output they are the same.
    hidden_layer_sizes : array-like of int, default=(64, 64, 64)
        Units of the hidden layers; ``()`` makes all parameters linear in x.
    activation : {"silu", "relu", "tanh", "logistic", "identity"}, default="silu"
        Activation of the hidden layers.
    encoding : "piecewise" or None, default="piecewise"
        Inputs of the network beside the z-scores: "piecewise" adds the bins of
        `skmdn.preprocessing.PiecewiseLinearEncoder`. Either way z-scores are soft-clipped,
        ``z / sqrt(1 + (z / 5)**2)``, so that rows far from all others get bounded answers.
    n_bins : int, default=16
        Bins per feature, at the quantiles of the training data; fewer where the network would
        get more than 2,048 inputs. A feature of up to two values has none.
    alpha : float, default=0.04
        Decoupled weight decay of the weights (not of the intercepts) [2]_: a step shrinks them by
        the factor ``1 - learning_rate * alpha``.
    learning_rate_init : float, default=0.015
        Largest learning rate of NAdam [3]_: reached by a linear warm-up over 5 % of the steps, then
        lowered to zero along a cosine. `partial_fit` keeps to a third of it.
    max_grad_norm : float, default=10
        The gradient of the mean loss is shortened to this Euclidean norm; ``inf`` never.
    batch_size : int or "auto", default="auto"
        Rows of a mini-batch. "auto" is the power of two nearest to the root of n, between 32 and
        256. The last batch of a pass takes the remainder; more than n means all rows.
    max_iter : int or "auto", default="auto"
        Passes over the data, at most: see `validation_fraction`. "auto" makes at most
        ``1000 max(1, sqrt(n / 1000))`` steps.
    reg_covar : float, default=1e-6
        Floor of every variance in units of the standardised y (of every output given those before
        it, for full covariance): guards against components that collapse onto single rows.
    validation_fraction : float, "auto" or None, default="auto"
        Part of the rows, at least one, that is set aside to choose among about 20 checkpoints of
        the training by its log-likelihood, and to calibrate: one random row of each of as many
        strata of like targets. "auto" is a tenth, but 30 rows where that is less, and no more than
        a third. The last two checkpoints are a fine-tuning: training goes back to the best one and
        on at 5 % of `learning_rate_init`, unless that was one of the latest two. After eight
        checkpoints without a better one it does so early, and then ends. (Few passes over many
        rows, and fewer than ten rows that validate, have fewer checkpoints and no fine-tuning.)
        None trains on all rows, keeps the last parameters and does not calibrate.
    calibrate : bool, default=True
        Whether checkpoints are compared at the best common factor of their scales, and whether
        after the training covariances become ``a**2 Sigma + b**2 I`` (in units of the standardised
        y), with a and b fitted on the validation part. A weak prior draws towards no change. But n
        rows that are few leave in doubt what was learned from them and judged by them: where `fit`
        sets the validation part aside itself, b is at least ``exp(-(n / 21)**2)``, .8 for 10 rows,
        .1 for 30 and nothing for 80; with `warm_start` that or what it was before, if that is less.
    warm_start : bool, default=False
        Whether `fit` goes on from the present parameters instead of starting anew. Scaling and
        bins stay, but for columns that did not vary before. Each call shuffles anew, also with a
        fixed `random_state`, which sets the same rows aside. The largest learning rate is half of
        `learning_rate_init`, and halves after every call that gained nothing on the validation
        part, of which a warning tells.
    point_estimate : {"mean", "median", "mode"}, default="mean"
        What `predict` returns.
    device : str, default="cpu"
        "cpu", "cuda", "cuda:<number>" or "auto". A model fitted on a GPU predicts on the CPU where
        there is no GPU. "auto" trains on the GPU where torch sees one and that gains: where a step
        has at least 10 million multiply-adds (``batch_size`` times about three times the number of
        the network's weights) and all steps have 20 billion. It predicts on the CPU. A GPU sees
        the rows in another order.
    dtype : {"float32", "float64"}, default="float32"
        Precision of the training.
    random_state : int, RandomState instance or None, default=None
        Seeds the validation part, the initialisation and the order of rows. None draws fresh
        entropy.
    verbose : bool or int, default=0
        Whether to show progress: a bar where tqdm is installed, else lines.

    Attributes
    ----------
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any.
    n_outputs_ : int
        Number of outputs D.
    n_iter_ : int
        Passes over the data, the last one perhaps in part.
    loss_curve_ : list of float
        Mean negative log-likelihood of every pass while it trained, in nats per row of y.
    validation_loss_curve_ : list of float
        The same of the validation part before training and at every checkpoint, with `calibrate` at
        the best common factor of its scales; empty without a validation part.
    fine_tuning_start_ : float or None
        Passes made before the fine-tuning, which goes back to the best checkpoint; None where there
        was none.
    coefs_, intercepts_ : list of ndarray
        Weights ``(in, out)`` and intercepts ``(out,)`` of the layers, for standardised inputs.
    X_mean_, X_scale_ : ndarray of shape (n_features_in_,)
        Scaling of the inputs. The scale of a constant column is ``inf``: it has no influence.
    y_mean_, y_scale_ : ndarray of shape (n_outputs_,)
        Scaling of the targets.
    bin_edges_ : list of ndarray or None
        Edges of the bins of every feature; None without encoding.
    spread_factor_, spread_noise_ : float
        The calibration's a and b; 1 and 0 without one, as after `partial_fit`.
    y_varies_ : ndarray of shape (n_outputs_,)
        Whether a target varied; the scale of a constant one is 1.
    n_samples_seen_ : int
        Rows that led to the scaling.
    n_calls_ : int
        Calls of `fit` and `partial_fit` that led here, each going on from the last.
    next_learning_rate_ : float
        Largest learning rate of a call of `fit` with `warm_start`.
    optimizer_state_ : tuple
        What the optimiser goes on from, only after `partial_fit`: its parameters and two moments of
        their gradient, each a list of layers ``(in + 1, out)``, and its number of steps.
    y_ndim_ : int
        1 where y was one-dimensional at fit, so that answers have no outputs axis, else 2.
    architecture_ : dict
        Components, covariance type, activation, sizes and scale floor of the fitted network.

    Notes
    -----
    `score` is R² of `predict`, as for every regressor; it cannot judge a density. Pass
    ``scoring=skmdn.metrics.log_likelihood_scorer`` to GridSearchCV and its kin.

    The fitted state is NumPy arrays and plain values: a model loads and predicts without torch.

    References
    ----------
    .. [1] C. M. Bishop, "Mixture density networks", Technical Report NCRG/94/004, Aston University,
       1994.
    .. [2] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    .. [3] T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop track.
    .. [4] O. Shamir and T. Zhang, "Stochastic gradient descent for non-smooth optimization", ICML
       2013.

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn import MDNRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (400, 1))
    >>> y = rng.choice([-1.0, 1.0], 400) + 0.1 * rng.normal(size=400)  # two answers
    >>> model = MDNRegressor(n_components=2, max_iter=30, random_state=0).fit(X, y)
    >>> density = model.predict_proba([[0.5]])
    >>> density.modes().round(1).shape
    (1, 2)
    """

    def __init__(
        self,
        *,
        n_components: int = 5,
        covariance_type: str = "diag",
        hidden_layer_sizes: ArrayLike = (64, 64, 64),
        activation: str = "silu",
        encoding: str | None = "piecewise",
        n_bins: int = 16,
        alpha: float = 0.04,
        learning_rate_init: float = 0.015,
        max_grad_norm: float = 10.0,
        batch_size: int | str = "auto",
        max_iter: int | str = "auto",
        reg_covar: float = 1e-6,
        validation_fraction: float | str | None = "auto",
        calibrate: bool = True,
        warm_start: bool = False,
        point_estimate: str = "mean",
        device: str = "cpu",
        dtype: str = "float32",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.encoding = encoding
        self.n_bins = n_bins
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
        self.max_grad_norm = max_grad_norm
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.reg_covar = reg_covar
        self.validation_fraction = validation_fraction
        self.calibrate = calibrate
        self.warm_start = warm_start
        self.point_estimate = point_estimate
        self.device = device
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> MDNRegressor:
        """Fit the density of y given X.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Inputs, dense and finite.
        y : array-like of shape (n,) or (n, D)
            Targets. Answers have an outputs axis exactly if y has one.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights. A weight of two counts as the row twice, also in the scaling and
            the initialisation; rows of weight zero take no part.
        X_val, y_val, sample_weight_val : array-like, default=None
            Validation data in place of a random part of X and y.

        Returns
        -------
        self : MDNRegressor

        Raises
        ------
        ValueError
            If a constructor value or an argument is not as described. The estimator is then what it
            was before the call.
        """
        from skmdn._training import fitting  # imports torch, which predicting does not need

        with unchanged_on_error(self):
            settings = Settings.of(self)
            past = None
            if self.warm_start and self._is_fitted():
                past = fitting.Past(self._predictor(), self.n_calls_, self.next_learning_rate_)
            data = check_training_data(self, X, y, sample_weight, reset=past is None)
            validation = check_validation_data(self, X_val, y_val, sample_weight_val, data)
            fitted = fitting.fit(settings, data, validation, past)
            self._keep(fitted, n_calls=0 if past is None else past.n_calls)
            self.loss_curve_ = fitted.trained.loss_curve
            self.n_iter_ = fitted.trained.n_passes
            # The optimiser's moments belong to partial_fit; here they would only make models large.
            if hasattr(self, "optimizer_state_"):
                del self.optimizer_state_
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> MDNRegressor:
        """Make one pass over a part of the data, at a constant third of `learning_rate_init`.

        The scaling goes on learning: every call merges its means and variances into those of all
        rows so far, and the network is rescaled so that its function stays (exactly for targets,
        but for the floor of the scales; for inputs up to their soft clip). A feature that is
        constant at first counts as soon as it varies, and gets bins from the first call of at least
        ``2 * n_bins`` rows in which it has more than two values.

        What predicts is the mean of the parameters over the last tenth or so of all steps [4]_,
        which evens out the noise of the constant rate; the optimiser goes on from the parameters
        themselves. There is no validation part. Of an earlier fit's calibration the factor goes
        into the network, and the noise is given up.

        Parts should be alike: shuffle the rows before they are cut into parts. Where they cannot be
        (one season after the other), a smaller `learning_rate_init` forgets less.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Inputs.
        y : array-like of shape (n,) or (n, D)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            Non-negative weights, relative to the other rows of this call.

        Returns
        -------
        self : MDNRegressor

        Raises
        ------
        ValueError
            If a constructor value or an argument is not as described. The estimator is then what it
            was before the call.
        """
        from skmdn._training import fitting  # imports torch, which predicting does not need

        with unchanged_on_error(self):
            settings = Settings.of(self)
            before = self._predictor() if self._is_fitted() else None
            data = check_training_data(self, X, y, sample_weight, reset=before is None)
            state = getattr(self, "optimizer_state_", None)
            fitted = fitting.fit_part(settings, data, before, state)
            trained, goes_on = fitted.trained, before is not None
            self._keep(fitted, n_calls=self.n_calls_ if goes_on else 0)
            self.loss_curve_ = [*(self.loss_curve_ if goes_on else []), *trained.loss_curve]
            self.n_iter_ = (self.n_iter_ if goes_on else 0) + trained.n_passes
            self.optimizer_state_: PlainState = (*trained.state,)
        return self

    def predict_proba(self, X: ArrayLike) -> Mixture:
        """Predict the density of y for every row.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Inputs. The network computes in their precision, float64 or float32.

        Returns
        -------
        Mixture
            n Gaussian mixtures, one per row.
        """
        predictor = self._predictor()
        return predictor.density(check_inputs(self, X))

    def predict(
        self, X: ArrayLike, return_std: bool = False, return_cov: bool = False
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Predict a point for every row: the mean, median or mode, as `point_estimate` says.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Inputs.
        return_std : bool, default=False
            Whether to return the standard deviation too, in the shape of the point.
        return_cov : bool, default=False
            Whether to return the covariance between outputs too, ``(n, D, D)``, or the variance
            ``(n,)`` where y was one-dimensional.

        Returns
        -------
        point : ndarray of shape (n,) or (n, D)
        spread : ndarray
            Only with `return_std` or `return_cov`.

        Raises
        ------
        ValueError
            If both flags are set.
        """
        predictor = self._predictor()
        check_settings(self)
        spread = spread_method(return_std=return_std, return_cov=return_cov)
        chunks = predictor.densities(check_inputs(self, X))
        return points(chunks, self.point_estimate, spread)

    def sample(self, X: ArrayLike, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Draw from the predicted density of every row.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Inputs.
        n_samples : int, default=1
            Draws S per row.
        random_state : int, RandomState instance, Generator or None, default=None
            None draws fresh entropy.

        Returns
        -------
        ndarray of shape (n, S) or (n, S, D)
        """
        predictor = self._predictor()
        rng = new_generator(random_state)
        chunks = predictor.densities(check_inputs(self, X))
        return np.concatenate([density.sample(n_samples, rng) for density in chunks])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _is_fitted(self) -> bool:
        return hasattr(self, "coefs_")

    def _predictor(self) -> Predictor:
        """The fitted network."""
        check_is_fitted(self)
        return Predictor.of(self)

    def _keep(self, fitted: Fitted, *, n_calls: int) -> None:
        """Turn a network fitted after `n_calls` others into attributes; warn of what went wrong."""
        self.n_calls_: int = n_calls + 1
        self.next_learning_rate_: float = fitted.next_rate
        predictor = fitted.predictor
        preparation = predictor.preparation
        self.X_mean_, self.X_scale_ = preparation.X_mean, preparation.X_scale
        self.y_mean_, self.y_scale_ = preparation.y_mean, preparation.y_scale
        self.y_varies_, encoding = preparation.y_varies, preparation.encoding
        self.n_samples_seen_ = predictor.n_seen
        self.bin_edges_ = None if encoding is None else encoding.edges
        self.n_outputs_ = len(self.y_mean_)
        self.y_ndim_ = predictor.y_ndim
        self.coefs_, self.intercepts_ = predictor.coefs, predictor.intercepts
        self.architecture_ = asdict(predictor.architecture)
        self.spread_factor_ = predictor.spread_factor
        self.spread_noise_ = predictor.spread_noise
        self.validation_loss_curve_ = fitted.trained.validation_loss_curve
        self.fine_tuning_start_ = fitted.trained.fine_tuning_start
        _warn_of(fitted)


def _warn_of(fitted: Fitted) -> None:
    """Say what went wrong in a training."""
    trained = fitted.trained
    if trained.interrupted:
        pass_interrupt_on()
        warnings.warn("Training interrupted by user: the best model so far is kept.", stacklevel=4)
    advice = list(fitted.advice)
    if trained.n_recoveries:
        advice.insert(
            0,
            f"The loss or its gradient was not finite {trained.n_recoveries} time(s): training "
            "went back to the last good parameters and on with half the learning rate. A smaller "
            "learning_rate_init or a larger reg_covar may help.",
        )
    for message in advice:
        warnings.warn(message, ConvergenceWarning, stacklevel=4)
