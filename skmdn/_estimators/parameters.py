"""Allowed constructor values, as data. The only importer of private scikit-learn."""

from numbers import Integral, Real
from typing import Any, TypeAlias, TypeVar

from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.metaestimators import _BaseComposition

from skmdn._estimators.documentation import DocumentedEstimator
from skmdn._estimators.inner_estimators import takes_gaps

# What each constructor value may be, as scikit-learn's checks take it.
Constraints: TypeAlias = dict[str, list[Any]]


def from_to(low: float | None, high: float | None, *, closed: str) -> Any:
    """Real numbers of an interval that is closed "left", "right", "both" or "neither"."""
    return Interval(Real, low, high, closed=closed)


def integer_from(low: int) -> Any:
    """Integers of at least `low`."""
    return Interval(Integral, low, None, closed="left")


def one_of(*options: str) -> Any:
    """One of some strings."""
    return StrOptions(set(options))


SPLITTER = HasMethods(["split", "get_n_splits"])
POSITIVE_INTEGER = integer_from(1)
POSITIVE = from_to(0, None, closed="neither")

PIECEWISE_LINEAR_ENCODER: Constraints = {
    "n_bins": [POSITIVE_INTEGER],
    "subsample": [POSITIVE_INTEGER, None],
    "random_state": ["random_state"],
}

# An object of skmdn.transforms; what it is, is checked where it is used.
TRANSFORM = HasMethods(["forward", "inverse"])
TARGET_TRANSFORM = ["array-like", TRANSFORM, str, None]
CATEGORICAL_FEATURES = ["array-like", one_of("from_dtype"), None]

STANDARDIZED_REGRESSOR: Constraints = {"categorical_features": CATEGORICAL_FEATURES}

PROCESS_DENSITY: Constraints = {
    "categorical_features": CATEGORICAL_FEATURES,
    "target_transform": TARGET_TRANSFORM,
    "random_state": ["random_state"],
}

CROSS_FITTED_PREDICTIONS: Constraints = {
    "estimators": [list, None],
    "cv": ["cv_object"],
    "passthrough": ["boolean"],
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
}

MDN_ENSEMBLE_REGRESSOR: Constraints = {
    "estimators": [list, None],
    "target_transform": TARGET_TRANSFORM,
    "cv": ["cv_object"],
    "calibrate": ["boolean"],
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}

POOLED_MDN_REGRESSOR: Constraints = {"point_estimate": [one_of("mean", "median", "mode")]}

CONFORMAL_MDN_REGRESSOR: Constraints = {
    "cv": ["cv_object", StrOptions({"last", "prefit"})],
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
}


Self = TypeVar("Self", bound="NamedEstimators")


class NamedEstimators(DocumentedEstimator, _BaseComposition):
    """Estimator made of others, given as `estimators`: pairs of a name and an estimator."""

    estimators: list[tuple[str, Any]] | None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Before they are checked, the estimators may be anything.
        pairs = self.estimators if isinstance(self.estimators, list) else []
        tags.input_tags.allow_nan = all(takes_gaps(pair[-1]) for pair in pairs)
        return tags

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


def check_parameters(estimator: Any, constraints: Constraints) -> None:
    """Raise a ValueError that names a parameter out of range, what it may be and what it is.

    Attributes are read, not `get_params`: a subclass may have a constructor of its own.
    """
    name = type(estimator).__name__
    missing = [parameter for parameter in constraints if not hasattr(estimator, parameter)]
    if missing:
        raise ValueError(
            f"{name} has no attribute {missing[0]!r}: the constructor of a subclass must call "
            "super().__init__() with all that it does not set itself."
        )
    values = {parameter: getattr(estimator, parameter) for parameter in constraints}
    validate_parameter_constraints(constraints, values, caller_name=name)


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
