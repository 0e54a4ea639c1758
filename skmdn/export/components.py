"""Parameters of the mixtures as nodes of a graph: head, calibration, units and bounds in ONNX.

n rows, K components, D outputs. Means and scales are kept by output, ``(n, K)`` each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skmdn._arrays import FloatArray
from skmdn._network.atom_shares import LEAST_SHARE
from skmdn._network.linear_path import LinearPath, for_line
from skmdn._network.outside_range import ALONG_LINE, OutsideLine, without_indicator
from skmdn._network.preparation import Preparation
from skmdn._predictor import Predictor
from skmdn.export.functions import clip, exp, length, minimum, sqrt, total, where
from skmdn.export.graph import Value, joined, stacked
from skmdn.export.inputs import network_inputs
from skmdn.mixture.bounding import EXCESS, bounds, harmless, widest_in
from skmdn.transforms import Asinh, Identity, Log, Transform


class Components(NamedTuple):
    """The Gaussians behind the maps of the targets."""

    weights: Value  # (n, K)
    means: list[Value]
    # Of a full covariance, rows of its lower triangular factor up to the diagonal; of a diagonal
    # one, the scales alone.
    factor: list[list[Value]]
    is_full: bool

    def scale(self, output: int) -> Value:
        """Standard deviation of one output."""
        return length(self.factor[output]) if self.is_full else self.factor[output][0]

    def stacked_scales(self) -> Value:
        """Standard deviations ``(n, K, D)``."""
        return stacked([self.scale(d) for d in range(len(self.means))], axis=2)

    def stacked_factor(self) -> Value:
        """Lower triangular factors ``(n, K, D, D)``."""
        zero = self.means[0] * 0.0
        D = len(self.means)
        rows = [[*row, *[zero] * (D - len(row))] for row in self.factor]
        return stacked([stacked(row, axis=2) for row in rows], axis=2)


def components(raw: Value, X: Value, predictor: Predictor) -> Components:
    """Components in the units of the targets behind their maps, calibrated and bounded.

    `raw` are the network's outputs for the rows X; a line beside the network reads these itself.
    """
    found = _standardised(raw, predictor)
    a, b = predictor.spread_factor, predictor.spread_noise
    if (a, b) != (1.0, 0.0):
        widen = _widened_triangle if found.is_full else _widened_scales
        found = found._replace(factor=widen(found.factor, a, b))
    found = _in_units(found, predictor.preparation.y_mean, predictor.preparation.y_scale)
    if predictor.line is not None:
        found = _beside_line(found, X, predictor.line, predictor.preparation)
    if predictor.outside is not None and predictor.preparation.extrapolation in ALONG_LINE:
        found = _beyond_range(found, X, predictor.outside, predictor.preparation)
    if predictor.target_maps is not None and predictor.target_range is not None:
        found = _bounded(found, predictor, predictor.target_maps, predictor.target_range)
    return found


def atom_weights(raw: Value, predictor: Predictor) -> Value:
    """Probabilities of the atoms ``(n, A)``."""
    K, A = predictor.architecture.n_components, predictor.architecture.n_atoms
    rest = raw.part(0, K).node("ReduceLogSumExp", raw.graph.integers(1), keepdims=1)
    log_shares = joined([raw.part(K, A), rest]).node("LogSoftmax", axis=1)
    shares = (log_shares / predictor.atom_temperature).node("Softmax", axis=1)
    atoms, rest = shares.part(0, A), shares.part(A, 1)
    cut = atoms.sum(1, keepdims=True).node("Reciprocal") * (1.0 - LEAST_SHARE)
    return atoms * where(rest < LEAST_SHARE, cut, 1.0)


def _standardised(raw: Value, predictor: Predictor) -> Components:
    """Components of standardised targets, in the order of `HeadLayout`."""
    K, D = predictor.architecture.n_components, predictor.layout.n_outputs
    n_logits, n_means, _ = predictor.layout.lengths
    kind, floor = predictor.architecture.covariance_type, predictor.architecture.scale_floor
    means = [raw.part(n_logits + d * K, K) for d in range(D)]
    start = n_logits + n_means
    n_scales = 1 if kind == "spherical" else D
    scales = [
        exp(minimum(raw.part(start + d * K, K), predictor.layout.largest_log_scale)) + floor
        for d in range(n_scales)
    ]
    weights = raw.part(0, K).node("Softmax", axis=1)
    is_full = kind == "full" and D > 1
    if is_full:
        below = [raw.part(start + (D + i) * K, K) for i in range(D * (D - 1) // 2)]
        return Components(weights, means, _triangle(scales, below), is_full)
    return Components(weights, means, [[scale] for scale in scales * (D // n_scales)], is_full)


def _triangle(scales: list[Value], below: list[Value]) -> list[list[Value]]:
    """Rows of ``(I + N)^-1 diag(s)``, by forward substitution."""
    rows: list[list[Value]] = []
    for i, scale in enumerate(scales):
        row: list[Value] = []
        of_row = below[i * (i - 1) // 2 :][:i]
        for column in range(i):
            terms = [of_row[j] * rows[j][column] for j in range(column, i)]
            row.append(-total(terms))
        rows.append([*row, scale])
    return rows


def _widened_scales(factor: list[list[Value]], a: float, b: float) -> list[list[Value]]:
    """Scales ``sqrt(a^2 s^2 + b^2)``."""
    return [[sqrt(scale * scale * a**2 + b**2)] for (scale,) in factor]


def _widened_triangle(factor: list[list[Value]], a: float, b: float) -> list[list[Value]]:
    """The factor of ``a^2 L L' + b^2 I``: a column of noise for each output is rotated into L.

    Squares of L, whose digits would cancel, are not formed.
    """
    rows = [[entry * a for entry in row] for row in factor]
    D = len(rows)
    if b == 0.0:
        return rows
    for first in range(D):
        column: dict[int, Value] = {first: rows[first][first] * 0.0 + b}
        for k in range(first, D):
            old, noise = rows[k][k], column[k]
            rows[k][k] = length([old, noise])
            cosine, sine = old / rows[k][k], noise / rows[k][k]
            for i in range(k + 1, D):
                entry = rows[i][k]
                if i in column:
                    rows[i][k] = cosine * entry + sine * column[i]
                    column[i] = cosine * column[i] - sine * entry
                else:
                    rows[i][k], column[i] = cosine * entry, -(sine * entry)
    return rows


def _in_units(found: Components, mean: FloatArray, scale: FloatArray) -> Components:
    """Components of ``mean + scale * y``."""
    means = [m * scale[d] + mean[d] for d, m in enumerate(found.means)]
    factor = [[entry * scale[d] for entry in row] for d, row in enumerate(found.factor)]
    return found._replace(means=means, factor=factor)


def _beside_line(
    found: Components, X: Value, line: LinearPath, preparation: Preparation
) -> Components:
    """Components of residuals moved by the line, and wider by its leverage."""
    plain = for_line(preparation, line.limit)
    shifts = network_inputs(X, plain).node("MatMul", line.coef) + line.intercept
    unclipped = network_inputs(X, plain._replace(extrapolation="continue"))
    scores = unclipped.node("MatMul", line.leverage[:-1]) + line.leverage[-1]
    own = (scores * scores).sum(1, keepdims=True)
    wider = sqrt(clip((own + 1.0) / (1.0 + line.mean_leverage), 1.0, np.inf))
    means = [m + shifts.part(d, 1) for d, m in enumerate(found.means)]
    factor = [[entry * wider for entry in row] for row in found.factor]
    return found._replace(means=means, factor=factor)


def _beyond_range(
    found: Components, X: Value, line: OutsideLine, preparation: Preparation
) -> Components:
    """Components that go on outside the range as in `_network.outside_range`."""
    plain = for_line(preparation, line.limit)._replace(categories=None)
    unclipped = network_inputs(X, plain._replace(extrapolation="continue"))
    excess = (unclipped - network_inputs(X, plain)).take(preparation.numbers)
    beyond = excess.node("MatMul", line.coef)
    places = without_indicator(preparation)
    is_gap = X.take(preparation.numbers[places]).node("IsNaN", dtype=bool).cast(np.float64)
    variance = is_gap.node("MatMul", line.coef[places] ** 2)
    doubt, followed = line.doubt, line.followed(preparation)
    means = [m + beyond.part(d, 1) * followed[d] for d, m in enumerate(found.means)]
    factor = []
    for d, row in enumerate(found.factor):
        noise, scale = beyond.part(d, 1) * (2 * doubt[d]), found.scale(d)
        wider = length([scale, noise, sqrt(variance.part(d, 1))]) / scale
        factor.append([entry * wider for entry in row])
    return found._replace(means=means, factor=factor)


def _bounded(
    found: Components,
    predictor: Predictor,
    maps: tuple[Transform, ...],
    target_range: FloatArray,
) -> Components:
    """Components within the bounds of `mixture.bounding`."""
    means, factor = list(found.means), list(found.factor)
    for d, one in enumerate(maps):
        if isinstance(one, Identity):
            continue
        ends, scale = target_range[d], float(predictor.preparation.y_scale[d])
        low, high = bounds(one, ends, scale)
        if np.isfinite(low):
            means[d] = clip(means[d], low, high)
        room = _room(means[d], one, low, high)
        if room is None:
            widest = means[d] * 0.0 + widest_in(ends, scale)
        else:
            of_any_weight = minimum(room, harmless(scale))
            widest = sqrt((room + found.weights.node("Log")).node("Max", of_any_weight) * 2.0)
        share = minimum(widest / found.scale(d), 1.0)
        factor[d] = [entry * share for entry in factor[d]]
    return found._replace(means=means, factor=factor)


def _room(means: Value, one: Transform, low: float, high: float) -> Value | None:
    """By how much the logarithm of y may grow with the width; None where it is not exponential."""
    if isinstance(one, Log):
        return (-means + high if one.side > 0 else means - low) + EXCESS
    if isinstance(one, Asinh):
        return -means.node("Abs") + (max(high, -low) + EXCESS)
    return None
