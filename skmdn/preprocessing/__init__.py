"""Transformers that are useful in any Pipeline."""

from skmdn.preprocessing.cross_fitted import CrossFittedPredictions
from skmdn.preprocessing.piecewise_linear import PiecewiseLinearEncoder

__all__ = ["CrossFittedPredictions", "PiecewiseLinearEncoder"]
