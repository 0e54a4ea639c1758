"""Allowed constructor values, as data. The only importer of private scikit-learn."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, TypeVar

from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints
from sklearn.utils.metaestimators import _BaseComposition

__all__ = [
    "CONFORMAL_MDN_REGRESSOR",
    "CROSS_FITTED_PREDICTIONS",
    "MDN_ENSEMBLE_REGRESSOR",
    "MDN_REGRESSOR",
    "PIECEWISE_LINEAR_ENCODER",
    "NamedEstimators",
    "check_named_estimators",
    "check_parameters",
    "hidden_sizes",
]

_POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")

MDN_REGRESSOR: dict[str, list[Any]] = {
    "n_components": [_POSITIVE_INTEGER],
    "covariance_type": [StrOptions({"spherical", "diag", "full"})],
    "hidden_layer_sizes": ["array-like", _POSITIVE_INTEGER],
    "activation": [StrOptions({"relu", "silu", "tanh", "logistic", "identity"})],
    "encoding": [StrOptions({"piecewise"}), None],
    "n_bins": [Interval(Integral, 2, None, closed="left")],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "learning_rate_init": [_POSITIVE],
    "max_grad_norm": [Interval(Real, 0, None, closed="right")],
    "batch_size": [StrOptions({"auto"}), _POSITIVE_INTEGER],
    "max_iter": [StrOptions({"auto"}), _POSITIVE_INTEGER],
    "reg_covar": [_POSITIVE],
    "validation_fraction": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="neither"), None],
    "calibrate": ["boolean"],
    "warm_start": ["boolean"],
    "point_estimate": [StrOptions({"mean", "median", "mode"})],
    "device": [str],
    "dtype": [StrOptions({"float32", "float64"})],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}

PIECEWISE_LINEAR_ENCODER: dict[str, list[Any]] = {
    "n_bins": [_POSITIVE_INTEGER],
    "subsample": [_POSITIVE_INTEGER, None],
    "random_state": ["random_state"],
}

CROSS_FITTED_PREDICTIONS: dict[str, list[Any]] = {
    "estimators": [list, None],
    "cv": ["cv_object"],
    "passthrough": ["boolean"],
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
}

MDN_ENSEMBLE_REGRESSOR: dict[str, list[Any]] = {
    "estimators": [list, None],
    "cv": ["cv_object"],
    "calibrate": ["boolean"],
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}

CONFORMAL_MDN_REGRESSOR: dict[str, list[Any]] = {
    "cv": ["cv_object", StrOptions({"prefit"})],
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
}


Self = TypeVar("Self", bound="NamedEstimators")


class NamedEstimators(_BaseComposition):
    """Estimator made of others, given as `estimators`: pairs of a name and an estimator."""

    estimators: list[tuple[str, Any]] | None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters, with those of the named estimators as ``name__parameter``.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the named estimators' parameters.

        Returns
        -------
        dict
        """
        return dict(self._get_params("estimators", deep=deep))

    def set_params(self: Self, **params: Any) -> Self:
        """Set parameters, those of a named estimator as ``name__parameter``.

        Parameters
        ----------
        **params : dict
            New values.

        Returns
        -------
        self
        """
        self._set_params("estimators", **params)
        return self


def check_parameters(estimator: Any, constraints: dict[str, list[Any]]) -> None:
    """Raise a ValueError that names a parameter out of range, what it may be and what it is."""
    validate_parameter_constraints(
        constraints, estimator.get_params(deep=False), caller_name=type(estimator).__name__
    )


def hidden_sizes(value: Any) -> tuple[int, ...]:
    """Sizes of the hidden layers as a tuple; one integer means one layer."""
    ordered = isinstance(value, Sequence) or getattr(value, "ndim", 0) > 0
    sizes = tuple(value) if ordered else (value,)
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, Integral) or size < 1:
            raise ValueError(
                "The 'hidden_layer_sizes' parameter of MDNRegressor must hold integers of at "
                f"least 1, or be empty for a linear model. Got {value!r} instead."
            )
    return tuple(int(size) for size in sizes)


def check_named_estimators(owner: NamedEstimators) -> None:
    """Its estimators: pairs of distinct names, fit for nested parameters, and estimators."""
    estimators = owner.estimators
    if estimators is None:
        return
    names = [pair[0] for pair in estimators if isinstance(pair, tuple) and len(pair) == 2]
    good = (
        len(names) == len(estimators) > 0
        and all(isinstance(name, str) and name and "__" not in name for name in names)
        and len(set(names)) == len(names)
        and not set(names) & set(owner.get_params(deep=False))
        and all(hasattr(e, "fit") and not isinstance(e, type) for _, e in estimators)
    )
    if not good:
        raise ValueError(
            "The 'estimators' parameter must be None or a list of (name, estimator) pairs with "
            "distinct names without '__' that are no parameters' names, and instances, not "
            f"classes. Got {estimators!r} instead."
        )
