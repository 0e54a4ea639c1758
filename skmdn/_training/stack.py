"""Networks that were compared, weighed as they predict held-out rows best together.

Few rows can hardly tell networks apart, and the one that is chosen has been lucky. Their mean
density, with weights of the highest out-of-fold likelihood ("stacking": D. H. Wolpert, Neural
Networks 5 (1992); of densities Y. Yao et al., Bayesian Analysis 13 (2018)), has less luck in it. It
teaches the network that is kept.
"""

import math
from typing import NamedTuple

import numpy as np

from skmdn._calibration import expected_of_line, pooling_weights
from skmdn._estimators.observations import Observations
from skmdn._predictor import Density, common_density
from skmdn._training.calibration import Spreads, with_spreads
from skmdn._training.cross_validation import CrossValidation


class Stack(NamedTuple):
    """Cross-validations of several networks, the best of them, and their weights."""

    best: CrossValidation
    trials: list[CrossValidation]
    weights: np.ndarray  # (V,)
    unexplained: float  # part of the variation of y that the best leaves
    feature_weights: np.ndarray | None = None  # (p,), of the best, for all rows

    @classmethod
    def of(
        cls,
        best: CrossValidation,
        trials: list[CrossValidation],
        log_likelihoods: list[np.ndarray],
        sample_weight: np.ndarray,
        unexplained: float,
    ) -> "Stack":
        """The likeliest stack, given the log-likelihoods ``(m,)`` of held-out rows by trial."""
        of_line = expected_of_line(len(sample_weight))
        expected = np.where([trial.settings.linear_path for trial in trials], of_line, 1.0)
        weights = pooling_weights(np.column_stack(log_likelihoods), sample_weight, expected)
        return cls(best, trials, weights, unexplained)

    def density(self, of_y: Observations) -> Density:
        """The density of y that all networks of all folds predict together for the rows.

        Each is calibrated for its part in a pool, which needs less widening than one alone.
        """
        networks = [
            with_spreads(part.predictor, trial.spreads.of_teachers())
            for trial in self.trials
            for part in trial.judged
        ]
        weights = np.repeat(self.weights, [len(trial.judged) for trial in self.trials])
        return common_density(networks, of_y.X[of_y.rows], weights / weights.sum())

    @property
    def spreads(self) -> Spreads:
        """Spreads and probabilities of atoms for a network like the best that learned from all.

        Factor and noise are half the best one's and half the mean of all; the rest is the best's.
        """
        each = [trial.spreads for trial in self.trials]
        is_best = np.array([trial is self.best for trial in self.trials])
        shares = (self.weights + is_best) / 2
        factor = math.exp(shares @ [math.log(one.factor) for one in each])
        noise = math.sqrt(shares @ [one.noise**2 for one in each])
        return self.best.spreads._replace(factor=factor, noise=noise)
