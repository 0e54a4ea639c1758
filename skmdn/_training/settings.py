"""Settings of an `MDNRegressor`: allowed constructor values, and a typed copy of them."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np

from skmdn._estimators.parameters import (
    CATEGORICAL_FEATURES,
    POSITIVE,
    POSITIVE_INTEGER,
    SPLITTER,
    TRANSFORM,
    Constraints,
    check_parameters,
    from_to,
    integer_from,
    one_of,
)
from skmdn._network.activations import ACTIVATIONS
from skmdn._network.architecture import Architecture
from skmdn._network.forward import COVARIANCES

_CONSTRAINTS: Constraints = {
    "n_components": [POSITIVE_INTEGER],
    "covariance_type": [one_of(*COVARIANCES)],
    "hidden_layer_sizes": ["array-like", POSITIVE_INTEGER],
    "activation": [one_of(*ACTIVATIONS)],
    "encoding": [one_of("auto", "piecewise"), None],
    "n_bins": [integer_from(2)],
    "extrapolation": [one_of("auto", "damped", "linear", "constant", "continue")],
    "linear_path": [one_of("auto"), "boolean"],
    "feature_weights": [one_of("auto"), None],
    "alpha": [one_of("auto"), from_to(0, None, closed="left")],
    "learning_rate_init": [from_to(0, 1e30, closed="right")],
    "max_grad_norm": [from_to(0, None, closed="right")],
    "batch_size": [one_of("auto"), POSITIVE_INTEGER],
    "max_iter": [one_of("auto"), POSITIVE_INTEGER],
    "reg_covar": [POSITIVE],
    "validation_fraction": [one_of("auto"), from_to(0, 1, closed="neither"), None],
    "validation_split": [one_of("auto", "shuffled", "blocks", "last"), SPLITTER],
    "calibrate": ["boolean"],
    "categorical_features": CATEGORICAL_FEATURES,
    "target_transform": ["array-like", TRANSFORM, str, None],
    "target_atoms": ["array-like", one_of("auto"), None],
    "warm_start": ["boolean"],
    "point_estimate": [one_of("mean", "median", "mode")],
    "device": [str],
    "dtype": [one_of("float32", "float64")],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}


@dataclass(frozen=True, eq=False)
class Settings:
    """Checked constructor values of an `MDNRegressor`, under the engine's names; None is "auto"."""

    architecture: Architecture
    encoding: str | None
    n_bins: int
    extrapolation: str | None
    linear_path: bool | str
    feature_weights: str | None  # None once networks without weights are chosen
    alpha: Any  # a number, once nothing is left to choose
    learning_rate: float
    max_grad_norm: float
    batch_size: int | None
    n_passes: int | None
    validation_fraction: float | str | None
    target_transform: Any
    target_atoms: Any
    validation_split: Any  # the name of a way, or a splitter
    calibrate: bool
    goes_on: bool
    dtype: str
    device: str
    random_state: Any
    verbose: bool

    @classmethod
    def of(cls, estimator: Any) -> "Settings":
        """Settings from the attributes of an estimator, whatever its constructor takes.

        Raises
        ------
        ValueError
            If an attribute is missing or out of range; the error names it.
        """
        check_settings(estimator)
        return cls(
            architecture=Architecture(
                n_components=int(estimator.n_components),
                covariance_type=estimator.covariance_type,
                hidden_layer_sizes=hidden_sizes(estimator.hidden_layer_sizes),
                activation=estimator.activation,
                scale_floor=math.sqrt(estimator.reg_covar),
            ),
            encoding=estimator.encoding,
            n_bins=int(estimator.n_bins),
            extrapolation=None if estimator.extrapolation == "auto" else estimator.extrapolation,
            linear_path=estimator.linear_path,
            feature_weights=estimator.feature_weights,
            alpha=None if isinstance(estimator.alpha, str) else estimator.alpha,
            learning_rate=estimator.learning_rate_init,
            max_grad_norm=estimator.max_grad_norm,
            batch_size=_none_if_auto(estimator.batch_size),
            n_passes=_none_if_auto(estimator.max_iter),
            validation_fraction=estimator.validation_fraction,
            target_transform=estimator.target_transform,
            target_atoms=estimator.target_atoms,
            validation_split=estimator.validation_split,
            calibrate=estimator.calibrate,
            goes_on=bool(estimator.warm_start),
            dtype=estimator.dtype,
            device=estimator.device,
            random_state=estimator.random_state,
            verbose=bool(estimator.verbose),
        )

    @property
    def allows_folds(self) -> bool:
        """Whether few rows may all train, and be judged in folds.

        Calls that go on need rows that no call trains on.
        """
        way = self.validation_split
        is_word = isinstance(self.validation_fraction, str)
        return is_word and isinstance(way, str) and way != "last" and not self.goes_on

    def with_atoms(self, atoms: np.ndarray | None) -> "Settings":
        """The same for a network of the given atoms ``(A,)``."""
        n_atoms = 0 if atoms is None else len(atoms)
        return replace(self, architecture=replace(self.architecture, n_atoms=n_atoms))


def check_settings(estimator: Any) -> None:
    """Refuse constructor values out of range; the error names the parameter."""
    check_parameters(estimator, _CONSTRAINTS)
    hidden_sizes(estimator.hidden_layer_sizes)
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", estimator.device):
        raise ValueError(
            f"The 'device' parameter of {type(estimator).__name__} must be 'auto', 'cpu', 'cuda' "
            f"or 'cuda:<number>'. Got {estimator.device!r} instead."
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


def _none_if_auto(value: int | str) -> int | None:
    return None if isinstance(value, str) else int(value)
