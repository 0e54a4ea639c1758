"""Functions of the tensors of a graph, in operators that have float64 in onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from skmdn.export.graph import Value


def exp(x: Value) -> Value:
    """The exponential."""
    return x.node("Exp")


def expm1(x: Value) -> Value:
    """``exp(x) - 1`` without cancellation, by W. Kahan's quotient."""
    power = exp(x)
    is_one = power.node("Equal", 1.0, dtype=bool)
    log = where(is_one, 1.0, power.node("Log"))
    return where(is_one, x, (power - 1.0) * x / log)


def expit(x: Value) -> Value:
    """The logistic function; an overflow of the exponential gives the right limit, 0."""
    return (exp(-x) + 1.0).node("Reciprocal")


def sqrt(x: Value) -> Value:
    """The square root."""
    return x.node("Sqrt")


def minimum(x: Value, high: Value | ArrayLike) -> Value:
    """No more than `high`, which broadcasts."""
    return x.node("Min", high)


def clip(x: Value, low: Value | ArrayLike, high: Value | ArrayLike) -> Value:
    """No less than `low` and no more than `high`, which broadcast."""
    return minimum(x.node("Max", low), high)


def where(condition: Value, yes: Value | ArrayLike, no: Value | ArrayLike) -> Value:
    """One of two, at least one of which is a tensor."""
    like = yes if isinstance(yes, Value) else no
    assert isinstance(like, Value)
    both = like.as_value(yes), like.as_value(no)
    return like.graph.add("Where", condition, *both, dtype=like.dtype)


def total(terms: Sequence[Value]) -> Value:
    """Sum of tensors."""
    first, *others = terms
    for other in others:
        first = first + other
    return first


def length(entries: Sequence[Value]) -> Value:
    """Euclidean length of vectors with these entries."""
    return sqrt(total([entry * entry for entry in entries]))
