"""The points y at which a mixture is evaluated.

Axes: n rows, G points, D outputs; c rows and g points of a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from skmdn._arrays import FloatArray
from skmdn.mixture.arguments import as_floats
from skmdn.mixture.blocks import CELLS, chunks

Kernel: TypeAlias = Callable[[slice, int, FloatArray], FloatArray]
"""Values for some rows, the axis of the points, and y ``(D, g, c)`` or ``(D, c, g)``."""


class Points:
    """The points of ``y`` as ``(n, G, D)``, and the shape in which the caller wants the answer."""

    def __init__(self, y: ArrayLike, n_rows: int, n_outputs: int, univariate: bool) -> None:
        array = as_floats(y, "y")
        one_per_row = 1 if univariate else 2
        self.many = array.ndim == one_per_row + 1
        if array.ndim == 0 and univariate:
            array = np.full(n_rows, array)
        if array.ndim not in (one_per_row, one_per_row + 1):
            raise ValueError(_wrong_shape(array, n_rows, n_outputs, univariate))
        if univariate:
            array = array[..., np.newaxis]
        if not self.many:
            array = array[:, np.newaxis]
        fits = array.shape[2] == n_outputs and (
            len(array) == n_rows or (self.many and len(array) == 1)
        )
        if not fits:
            raise ValueError(_wrong_shape(as_floats(y, "y"), n_rows, n_outputs, univariate))
        if np.isnan(array).any():
            raise ValueError("y must not hold NaN")
        self.values = np.broadcast_to(array, (n_rows, *array.shape[1:]))  # (n, G, D)

    def of_output(self, output: int) -> Points:
        """One output of the points."""
        part = copy(self)
        part.values = self.values[:, :, output : output + 1]
        return part

    def evaluate(self, kernel: Kernel, cells_per_point: int, *trailing: int) -> FloatArray:
        """Values of ``kernel`` at all points, ``(n, [G,] *trailing)``, block by block.

        The kernel returns ``(*trailing, g, c)`` or ``(*trailing, c, g)``, ordered as its points.
        """
        n_rows, n_points = self.values.shape[:2]
        answer = np.empty((n_rows, n_points, *trailing))
        for rows, points in self._blocks(cells_per_point):
            y = self.values[rows, points].transpose(2, 1, 0)  # (D, g, c)
            target = np.moveaxis(answer[rows, points], (1, 0), (-2, -1))  # (*trailing, g, c)
            # The longer axis goes last, because numpy's inner loop runs over it.
            axis = -2
            if y.shape[1] > y.shape[2]:
                y, target, axis = y.swapaxes(1, 2), target.swapaxes(-1, -2), -1
            target[...] = kernel(rows, axis, np.ascontiguousarray(y))
        return answer if self.many else answer[:, 0]

    def _blocks(self, cells_per_point: int) -> Iterator[tuple[slice, slice]]:
        """Blocks of rows and points, about CELLS cells each."""
        n_rows, n_points = self.values.shape[:2]
        for rows in chunks(n_rows, cells_per_point * n_points):
            height = rows.stop - rows.start
            for points in chunks(n_points, cells_per_point * height, CELLS):
                yield rows, points


def _wrong_shape(array: FloatArray, n_rows: int, n_outputs: int, univariate: bool) -> str:
    """The error of a y with a wrong shape."""
    outputs = "" if univariate else f", {n_outputs}"
    comma = "," if univariate else ""
    one = ""
    if univariate and array.shape == (1,):
        one = f": pass the number itself, {array[0]:g}, for one value for all rows"
    return (
        f"y must {'be one number for all rows or ' if univariate else ''}"
        f"have shape ({n_rows}{comma}{outputs}) with one value per row, "
        f"({n_rows}, G{outputs}) with many per row, or (1, G{outputs}) with one grid for all rows; "
        f"got shape {array.shape}{one}"
    )
