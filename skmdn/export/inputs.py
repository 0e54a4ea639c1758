"""The network's inputs as nodes of a graph: `_network.preparation` in ONNX."""

from __future__ import annotations

import numpy as np

from skmdn._arrays import FloatArray
from skmdn._network.category_inputs import CategoryInputs
from skmdn._network.encoding import PiecewiseLinear
from skmdn._network.preparation import FILLING, Z_LIMIT, Preparation
from skmdn.export.functions import clip, sqrt, where
from skmdn.export.graph import Value, joined


def network_inputs(X: Value, preparation: Preparation) -> Value:
    """Inputs ``(n, n_inputs)`` of the rows ``X (n, p)``, all in float64."""
    columns = X.cast(np.float64)
    is_gap = columns.node("IsNaN", dtype=bool)
    filled = _filled(columns, is_gap, preparation)
    numbers, with_gaps = preparation.numbers, preparation.with_gaps
    parts = []
    if len(numbers):
        parts.append(_clipped(filled, preparation))
    encoding = preparation.encoding
    if encoding is not None and len(encoding.feature):
        parts.append(_encoded(filled, is_gap, encoding, np.isin(encoding.feature, with_gaps)))
    if len(with_gaps):
        parts.append(is_gap.take(with_gaps).cast(np.float64))
    if preparation.categories is not None:
        parts += _categories(columns, is_gap, preparation.categories)
    return joined(parts or [columns.part(0, 0)])


def _filled(columns: Value, is_gap: Value, preparation: Preparation) -> Value:
    """Columns within their range of training, with means in their gaps."""
    filled = where(is_gap, preparation.X_mean, columns)
    if preparation.extrapolation == "continue":
        return filled
    ends = preparation.X_min, preparation.X_max
    clipped = clip(filled, np.minimum(*ends), np.maximum(*ends))
    return where(is_gap, preparation.X_mean, clipped)


def _clipped(filled: Value, preparation: Preparation) -> Value:
    numbers = preparation.numbers
    z = (filled.take(numbers) - preparation.X_mean[numbers]) / preparation.X_scale[numbers]
    if preparation.straight_to is not None:
        return clip(z, -preparation.straight_to, preparation.straight_to)
    z = clip(z, -1e18, 1e18)
    return z / sqrt(z * z * (1.0 / Z_LIMIT**2) + 1.0)


def _encoded(
    filled: Value, is_gap: Value, encoding: PiecewiseLinear, has_indicator: np.ndarray
) -> Value:
    """Columns of the bins, half filled at gaps of features with an indicator."""
    bins = (filled.take(encoding.feature) - encoding.start) / encoding.width
    bins = clip(bins, encoding.lower, encoding.upper)
    if not has_indicator.any():
        return bins
    return where(is_gap.take(encoding.feature) & has_indicator, FILLING, bins)


def _categories(columns: Value, is_gap: Value, categories: CategoryInputs) -> list[Value]:
    """Of every feature with categories: its inputs, looked up by the place of the code."""
    parts = []
    for i, feature in enumerate(categories.features):
        table = _table(categories, i)
        if not table.shape[1]:
            continue
        code, n = columns.take(feature), len(table) - 2
        is_known = (code < float(n)) & code.node("GreaterOrEqual", 0.0, dtype=bool)
        place = where(is_gap.take(feature), n + 1.0, where(is_known, code, float(n)))
        rows = columns.graph.constant(table)
        parts.append(rows.node("Gather", place.cast(np.int64), axis=0))
    return parts


def _table(categories: CategoryInputs, i: int) -> FloatArray:
    """Inputs ``(L + 2, c)`` of every category of a feature, of an unseen one and of a gap."""
    here = slice(i, i + 1)
    of_feature = categories.features[here], categories.indicator[here]
    one = CategoryInputs(*of_feature, categories.shares[here], categories.means[here])
    n = len(one.indicator[0]) - 2
    codes = np.concatenate([np.arange(n), [-1.0, np.nan]])
    table = np.empty((n + 2, one.n_inputs))
    one.fill(codes[np.newaxis], table, None)
    return table
