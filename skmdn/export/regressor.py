"""A fitted MDNRegressor as one ONNX model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmdn._predictor import Predictor
from skmdn.export.components import Components, atom_weights, components
from skmdn.export.functions import sqrt
from skmdn.export.graph import IR_VERSION, OPSET, Graph, Value, stacked
from skmdn.export.inputs import network_inputs
from skmdn.export.moments import Moments, moments, with_atoms
from skmdn.export.network import raw_outputs
from skmdn.mixture.bounding import widest_in
from skmdn.regressor import MDNRegressor
from skmdn.transforms import Asinh, Identity, Log, Logit

if TYPE_CHECKING:
    import onnx

_ALWAYS = ("weights", "means", "scales", "mean", "std")
_DTYPES = ("float64", "float32")
_HINTS = {
    "MDNEnsembleRegressor": (
        "An ensemble pools many members, and its default views hold trees. Its members that are "
        "MDNRegressors can be exported one by one: model.estimators_[view][fold], and "
        "model.taught_estimator_ where it has taught one."
    ),
    "ConformalMDNRegressor": (
        "Its regions are not the parameters of a mixture. Export the MDNRegressor inside it."
    ),
    "Pipeline": (
        "Export its last step, model[-1], and its transformers with the tools made for them."
    ),
}


def to_onnx(
    model: MDNRegressor, outputs: Sequence[str] | None = None, *, dtype: str = "float64"
) -> onnx.ModelProto:
    """A fitted `MDNRegressor` as an ONNX model, which predicts without Python.

    The model holds all of `predict_proba`: gaps, categories, clipping to the range of training,
    encoding, network, calibration, target transform and atoms. Answers agree with those of
    `predict_proba`, relative to the spread of y, to about 1e-12 in float64 and 1e-5 in float32.

    The input is called "X": one matrix ``(n, p)`` of the features in the order of fit. A gap is
    NaN. A category is its code: its place in ``model.categories_[j]``, or -1 if it is not there.

    Parameters
    ----------
    model : MDNRegressor
        A fitted one. Ensembles, conformal regressors and pipelines cannot be exported.
    outputs : sequence of str or None, default=None
        Names of the outputs, in the order wanted.

        "weights" ``(n, K)``, "means" ``(n, K, D)`` and "scales" ``(n, K, D)`` are those of the
        Gaussian components, of y behind its map if there is a `target_transform`. "scale_tril"
        ``(n, K, D, D)`` is for full covariances, and "atom_weights" ``(n, A)`` for `target_atoms`,
        in the order of ``model.target_atoms_``. "mean" and "std" are those of y itself, with
        everything, ``(n,)`` or ``(n, D)`` as y was in fit.

        None gives all that the model has.
    dtype : {"float64", "float32"}, default="float64"
        Type of the input, the layers of the network and the outputs. Preparation and calibration
        are in float64 anyway.

    Returns
    -------
    onnx.ModelProto
        To be saved by ``onnx.save``, or passed to onnxruntime by its ``SerializeToString()``. Its
        ``metadata_props`` are JSON: `feature_names`, `categories`, `target_transform` and
        `target_atoms`.

    Raises
    ------
    TypeError
        If `model` is no `MDNRegressor`.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        If an argument is not as described, or if the network or the map of y has no form in ONNX.
    ImportError
        If onnx is missing or older than 1.16: ``pip install 'skmdn[onnx]'``.

    Notes
    -----
    Operators are those of opset 18, which onnxruntime has since 1.14. The mean of y behind a logit
    is a sum over nodes, as in `TargetMixture`.

    Examples
    --------
    >>> import numpy as np
    >>> from skmdn import MDNRegressor
    >>> from skmdn.export import to_onnx
    >>> X = np.linspace(-1.0, 1.0, 60)[:, None]
    >>> model = MDNRegressor(alpha=0.1, encoding=None, max_iter=2, random_state=0).fit(X, X[:, 0])
    >>> served = to_onnx(model, outputs=["mean", "std"])  # doctest: +SKIP
    >>> [output.name for output in served.graph.output]  # doctest: +SKIP
    ['mean', 'std']
    """
    _check_model(model)
    if dtype not in _DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(map(repr, _DTYPES))}; got {dtype!r}.")
    predictor = Predictor.of(model)
    names = _checked_names(outputs, predictor)
    _check_maps(predictor)
    _check_onnx()
    graph = Graph()
    values = _outputs(graph.input("X", dtype), predictor)
    for name in names:
        values[name].cast(dtype).node("Identity", name=name)
    return _as_model(graph, names, predictor, _metadata(model), np.dtype(dtype))


def _check_model(model: Any) -> None:
    if not isinstance(model, MDNRegressor):
        name = type(model).__name__
        hint = _HINTS.get(name, "Pass the fitted MDNRegressor itself.")
        raise TypeError(f"model: to_onnx exports a fitted MDNRegressor, got {name}. {hint}")
    check_is_fitted(model)


def _checked_names(outputs: Sequence[str] | None, predictor: Predictor) -> list[str]:
    known = list(_ALWAYS)
    if predictor.architecture.covariance_type == "full" and predictor.layout.n_outputs > 1:
        known.insert(3, "scale_tril")
    if predictor.target_atoms is not None:
        known.append("atom_weights")
    if outputs is None:
        return known
    names = [outputs] if isinstance(outputs, str) else list(outputs)
    if not names or len(set(names)) < len(names) or not set(names) <= set(known):
        raise ValueError(
            f"outputs must be distinct names among {', '.join(map(repr, known))}, which this model "
            f"has, or None for all of them; got {outputs!r}."
        )
    return names


def _check_maps(predictor: Predictor) -> None:
    for one in predictor.target_maps or ():
        if type(one) not in (Identity, Log, Logit, Asinh):
            raise ValueError(
                "model: expected a target_transform that is an Identity, Log, Logit or Asinh of "
                f"skmdn.transforms, which can be exported; got {one!r}."
            )


def _check_onnx() -> None:
    try:
        import onnx
    except ImportError as error:
        raise ImportError("to_onnx needs onnx: pip install 'skmdn[onnx]'.") from error
    newest = onnx.defs.onnx_opset_version()
    if newest < OPSET or not hasattr(onnx.helper, "np_dtype_to_tensor_dtype"):
        raise ImportError(
            f"to_onnx needs onnx 1.16 or newer, got {onnx.__version__}: pip install 'skmdn[onnx]'."
        )


def _outputs(X: Value, predictor: Predictor) -> dict[str, Value]:
    """All that can be asked for, by name."""
    inputs = network_inputs(X, predictor.preparation).cast(X.dtype)
    layers = predictor.coefs, predictor.intercepts, predictor.architecture.activation
    raw = raw_outputs(inputs, *layers).cast(np.float64)
    found = components(raw, X, predictor)
    shares = None if predictor.target_atoms is None else atom_weights(raw, predictor)
    of_y = _moments(found, shares, predictor)
    values = {
        "weights": found.weights,
        "means": stacked(found.means, axis=2),
        "scales": found.stacked_scales(),
        "mean": _shaped([one.mean for one in of_y], predictor),
        "std": _shaped([sqrt(one.variance) for one in of_y], predictor),
    }
    if found.is_full:
        values["scale_tril"] = found.stacked_factor()
    if shares is not None:
        values["atom_weights"] = shares
    return values


def _moments(found: Components, shares: Value | None, predictor: Predictor) -> list[Moments]:
    """Mean and variance of every output."""
    scale, ends = predictor.preparation.y_scale, predictor.target_range
    maps = predictor.target_maps or (None,) * len(scale)
    of_outputs = []
    for d, means in enumerate(found.means):
        widest = np.inf if ends is None else widest_in(ends[d], scale[d])
        of_outputs.append(moments(found.weights, means, found.scale(d), maps[d], widest))
    if predictor.target_atoms is None or shares is None:
        return of_outputs
    return [with_atoms(one, predictor.target_atoms, shares) for one in of_outputs]


def _shaped(of_outputs: list[Value], predictor: Predictor) -> Value:
    """Numbers of rows ``(n,)`` or ``(n, D)``."""
    return of_outputs[0] if predictor.y_ndim == 1 else stacked(of_outputs, axis=1)


def _metadata(model: MDNRegressor) -> dict[str, str]:
    """What a caller needs to know besides, as JSON."""
    names, maps = getattr(model, "feature_names_in_", None), model.target_transform_
    categories, atoms = model.categories_ or [], model.target_atoms_
    return {
        "feature_names": json.dumps(None if names is None else list(map(str, names))),
        "categories": json.dumps([None if one is None else one.tolist() for one in categories]),
        "target_transform": json.dumps(None if maps is None else str(maps)),
        "target_atoms": json.dumps([] if atoms is None else atoms.tolist()),
    }


def _as_model(
    graph: Graph,
    names: list[str],
    predictor: Predictor,
    metadata: dict[str, str],
    dtype: np.dtype,
) -> onnx.ModelProto:
    from onnx import helper

    K, D = predictor.architecture.n_components, predictor.layout.n_outputs
    per_row = [] if predictor.y_ndim == 1 else [D]
    shapes = {"weights": [K], "mean": per_row, "std": per_row, "scale_tril": [K, D, D]}
    shapes |= {"atom_weights": [predictor.architecture.n_atoms]}
    of_type = helper.np_dtype_to_tensor_dtype(dtype)

    def tensor(name: str, shape: list[int]) -> Any:
        return helper.make_tensor_value_info(name, of_type, ["n", *shape])

    needed = graph.needed_for(names)
    body = helper.make_graph(
        needed.nodes,
        "MDNRegressor",
        [tensor("X", [len(predictor.preparation.X_mean)])],
        [tensor(name, shapes.get(name, [K, D])) for name in names],
        needed.constants,
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(body, producer_name="skmdn", opset_imports=opset)
    model.ir_version = IR_VERSION
    helper.set_model_props(model, metadata)
    return model
