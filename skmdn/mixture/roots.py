"""Many bracketed roots at once, by the problem's own steps and by bisection.

A step is taken where it stays inside the bracket and the error has halved since the last one.
Otherwise the bracket is bisected, late in a search by its orders of magnitude. Each cell stops
independently and then keeps its value, so that its root does not depend on the other cells.

Axes: m cells.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np

from skmdn._arrays import BoolArray, FloatArray

MAX_ITERATIONS = 4400
"""More than any cell needs: its error halves with every step taken, or its bracket is divided."""

_ORDINARY = 64
"""Iterations after which an open bracket is taken to span many orders of magnitude."""

Self = TypeVar("Self", bound="Problem")


class Problem(Protocol):
    """An increasing function of x for each cell."""

    def evaluate(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Function at x and the proposed next x, both ``(m,)``.

        Where the function is zero, the proposal is the answer.
        """

    def take(self: Self, keep: BoolArray) -> Self:
        """Some of the cells."""


def solve(problem: Problem, low: FloatArray, high: FloatArray, start: FloatArray) -> FloatArray:
    """Roots within ``[low, high]``; the search begins at ``start`` in the bracket; all ``(m,)``.

    Where no double is accurate enough, the answer is one of the two doubles around the root.
    """
    answer = start.copy()
    place = np.arange(len(start))
    x, error, open_ = start, np.full(len(start), np.inf), np.ones(len(start), dtype=bool)
    for iteration in range(MAX_ITERATIONS):
        if not open_.any():
            break
        if 4 * np.count_nonzero(open_) <= 3 * len(
            open_
        ):  # copying costs more than a few closed cells
            place, problem, low, high = place[open_], problem.take(open_), low[open_], high[open_]
            x, error, open_ = x[open_], error[open_], np.ones(np.count_nonzero(open_), dtype=bool)
        value, proposal = problem.evaluate(x)
        below = value < 0
        low, high = np.where(below, x, low), np.where(below, high, x)
        middle = low + 0.5 * (high - low) if iteration < _ORDINARY else _middle_order(low, high)
        found, narrow = value == 0, (middle <= low) | (middle >= high)
        last = open_ & (found | narrow)
        answer[place[last]] = np.where(found, proposal, x)[last]
        open_ &= ~last
        size = np.abs(value)
        trusted = (proposal > low) & (proposal < high) & (size <= 0.5 * error)
        x = np.where(trusted, proposal, middle)
        error = np.where(trusted, size, np.inf)  # after a bisection any step is tried
    return answer


def _middle_order(low: FloatArray, high: FloatArray) -> FloatArray:
    """A point in the bracket whose order of magnitude is between those of its ends.

    By halves of their distance, from 1e150 to 1e-150 takes a thousand steps.
    """
    near, far = np.minimum(np.abs(low), np.abs(high)), np.maximum(np.abs(low), np.abs(high))
    between = np.sqrt(np.maximum(near, np.finfo(float).smallest_subnormal)) * np.sqrt(far)
    between = np.where(0.25 * far <= near, near + 0.5 * (far - near), between)
    return np.where(low < 0, np.where(high > 0, 0.0, -between), between)
