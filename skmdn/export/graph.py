"""An ONNX graph that grows as formulas are written: a `Value` is a tensor of the graph.

Arithmetic with numbers and arrays of NumPy adds a node; so do the methods. The row axis comes
first and is the only one whose length the graph does not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from skmdn._arrays import AnyArray

# The oldest operators that have all that is needed, and the format that goes with them.
OPSET, IR_VERSION = 18, 8


class Needed(NamedTuple):
    """Nodes and constants of a part of a graph."""

    nodes: list[Any]
    constants: list[Any]


class Graph:
    """Nodes and constants, in the order in which they were added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._names: dict[tuple[Any, ...], str] = {}

    def input(self, name: str, dtype: DTypeLike) -> Value:
        """The tensor of that name, which the caller of the graph passes."""
        return Value(self, name, np.dtype(dtype))

    def constant(self, array: AnyArray) -> Value:
        """A constant, kept once however often it is used."""
        from onnx import numpy_helper

        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._names:
            self._names[key] = f"constant_{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(array, self._names[key]))
        return Value(self, self._names[key], array.dtype)

    def integers(self, *numbers: int) -> Value:
        """A constant of integers, as axes and ends are passed."""
        return self.constant(np.array(numbers, dtype=np.int64))

    def add(
        self, operator: str, *inputs: Value, dtype: DTypeLike, name: str = "", **attributes: Any
    ) -> Value:
        """The result of a node, of the given type; `name` is for outputs of the graph."""
        from onnx import helper

        name = name or f"value_{len(self.nodes)}"
        names = [one.name for one in inputs]
        # onnxruntime before 1.20 takes nodes without names for the same node.
        self.nodes.append(helper.make_node(operator, names, [name], name, **attributes))
        return Value(self, name, np.dtype(dtype))

    def needed_for(self, names: Sequence[str]) -> Needed:
        """What the outputs of these names depend on."""
        wanted, nodes = set(names), []
        for node in reversed(self.nodes):
            if wanted.intersection(node.output):
                nodes.append(node)
                wanted.update(node.input)
        return Needed(nodes[::-1], [one for one in self.constants if one.name in wanted])


class Value:
    """A tensor of a graph; `functions` has what arithmetic has not."""

    def __init__(self, graph: Graph, name: str, dtype: np.dtype) -> None:
        self.graph, self.name, self.dtype = graph, name, dtype

    def node(
        self,
        operator: str,
        *others: Value | ArrayLike,
        dtype: DTypeLike | None = None,
        **attributes: Any,
    ) -> Value:
        """A node with this tensor as first input; numbers and arrays get its type."""
        inputs = [self, *(self.as_value(other) for other in others)]
        of_type = self.dtype if dtype is None else dtype
        return self.graph.add(operator, *inputs, dtype=of_type, **attributes)

    def as_value(self, other: Value | ArrayLike) -> Value:
        """The other tensor, or a constant of the same type."""
        if isinstance(other, Value):
            return other
        return self.graph.constant(np.ascontiguousarray(other, dtype=self.dtype))

    def __add__(self, other: Value | ArrayLike) -> Value:
        return self.node("Add", other)

    def __sub__(self, other: Value | ArrayLike) -> Value:
        return self.node("Sub", other)

    def __mul__(self, other: Value | ArrayLike) -> Value:
        return self.node("Mul", other)

    def __truediv__(self, other: Value | ArrayLike) -> Value:
        return self.node("Div", other)

    def __neg__(self) -> Value:
        return self.node("Neg")

    def __lt__(self, other: Value | ArrayLike) -> Value:
        return self.node("Less", other, dtype=bool)

    def __and__(self, other: Value | ArrayLike) -> Value:
        return self.node("And", other)

    def cast(self, dtype: DTypeLike) -> Value:
        """The same in another type."""
        from onnx import helper

        to = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self if np.dtype(dtype) == self.dtype else self.node("Cast", dtype=dtype, to=to)

    def take(self, places: ArrayLike) -> Value:
        """Some columns, or one without its axis."""
        columns = self.graph.constant(np.asarray(places, dtype=np.int64))
        return self.node("Gather", columns, axis=1)

    def part(self, start: int, length: int) -> Value:
        """Consecutive columns."""
        ends = (
            self.graph.integers(start),
            self.graph.integers(start + length),
            self.graph.integers(1),
        )
        return self.node("Slice", *ends)

    def with_axis(self, axis: int) -> Value:
        """The same with an axis of length one."""
        return self.node("Unsqueeze", self.graph.integers(axis))

    def sum(self, axis: int, *, keepdims: bool = False) -> Value:
        """Sum over an axis."""
        return self.node("ReduceSum", self.graph.integers(axis), keepdims=int(keepdims))


def joined(values: Sequence[Value], axis: int = 1) -> Value:
    """Tensors one after the other along an axis."""
    first, *others = values
    return first.node("Concat", *others, axis=axis) if others else first


def stacked(values: Sequence[Value], axis: int) -> Value:
    """Tensors side by side along a new axis."""
    return joined([value.with_axis(axis) for value in values], axis)
