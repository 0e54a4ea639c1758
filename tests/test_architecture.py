"""The plan of the house, as a test: who imports whom, and what a file may be."""

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

import skmdn

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "skmdn"
FILES = sorted(PACKAGE.rglob("*.py"))


def table_of_rooms() -> dict[str, set[str]]:
    """CONTRIBUTING's table: every room, from the top down, and the rooms that it imports."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)/?` \|[^|]*\|([^|]*)\|$", text, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", cell)) for name, cell in rows}


# A room is a file of skmdn, or a folder with all its files.
ROOMS = table_of_rooms()
MAX_ROOMS, MAX_ARROWS = 21, 65

# Imports inside functions serve one end: importing skmdn loads neither torch nor matplotlib, and of
# scikit-learn little more than its base. So they are of the first two, of files of skmdn that
# import torch, of scikit-learn's large parts in the files listed; and of libraries a user names.
HEAVY = {"torch", "matplotlib"}
DEFERRED_ELSEWHERE = {
    "_estimators/r2_score.py": {"sklearn.metrics"},
    "_estimators/folds.py": {"sklearn.model_selection"},
    "model_selection.py": {"sklearn.model_selection"},
    "preprocessing/tree_regressors.py": {"sklearn.ensemble", "sklearn.multioutput"},
    "ensemble/progress.py": {"tqdm"},
    "mixture/export.py": {"pandas", "scipy.stats", "xarray"},
    "mixture/target/methods/export.py": {"pandas", "scipy.stats"},
    "metrics/report.py": {"pandas"},
    "export/graph.py": {"onnx"},
    "export/regressor.py": {"onnx"},
}
TORCH_FILES = re.compile(r"_engine/.*|mixture/export\.py|mixture/target/torch_form\.py")
PRIVATE_SKLEARN_FILES = {"_estimators/parameters.py"}

MAX_LINES = 400
LONG_FILES = {
    "regressor.py": "one public class, two thirds of it the manual of its parameters and methods",
}

# Lines of a function, its docstring among them: at most so many at the median, and in 95 of 100.
MEDIAN_LINES, MOST_LINES = 8, 38
MAX_METHODS = 15
# The protocol of spreads, as its two implementations. A mixture is many answers of one value.
LARGE_CLASSES = {"Spread", "DiagonalSpread", "TriangularSpread"}
LARGE_CLASS_FILES = re.compile(r"mixture/(target/)?(value|methods/\w+)\.py")

# Dictionaries of anything are for keyword arguments of others and for protocols of others.
UNTYPED = re.compile(r"\b(dict|Mapping)\[str, (Any|object)\]|\bdict\b(?!\[)")
UNTYPED_DICTIONARIES = {
    "NamedEstimators.get_params": "scikit-learn's protocol",
    "DistributionScorer.__init__": "keyword arguments of the user's metric",
    "cross_val_predict_proba": "keyword arguments of the user's fit, as scikit-learn takes them",
    "line_kwargs": "matplotlib's keyword arguments",
    "DensityBand.draw": "matplotlib's keyword arguments, and its artists by name",
    "DensityContours.draw": "matplotlib's keyword arguments, and its artists by name",
}
MAX_SIGNATURE, MAX_PER_PARAMETER = 400, 40

ARRAYS = re.compile(r"Array|ndarray|Tensor|\bAny\b|Snapshot|OptimizerState")

BANNED_NAMES = re.compile(r"(.*_)?(utils?|helpers?|base|common|misc)")
MACHINE_PATH = re.compile(r"/(home|root|work|tmp|Users)/|\b[A-Z]:\\\\")


class Import(NamedTuple):
    """One imported module or name, dotted."""

    module: str
    deferred: bool


def relative(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in FILES}


def room(module: str) -> str:
    return [*module.split("."), "__init__"][1]


@cache
def imports(file: Path) -> frozenset[Import]:
    """All imports of a file, those of names of other libraries with the name."""
    return frozenset(_walk(ast.parse(file.read_text(encoding="utf-8")), deferred=False))


def _walk(node: ast.AST, *, deferred: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, deferred) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"relative import at line {node.lineno}"
        package = node.module or ""
        for alias in node.names:
            name = f"{package}.{alias.name}"
            is_ours = is_within(package, "skmdn") and name not in MODULES
            yield Import(package if is_ours else name, deferred)
    inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, deferred=deferred or inside)


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def ours(file: Path) -> set[str]:
    return {found.module for found in imports(file) if is_within(found.module, "skmdn")}


@cache
def typing_only(file: Path) -> frozenset[str]:
    """Modules that a file imports under ``if TYPE_CHECKING``."""
    blocks = [
        node
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return frozenset(
        found.module
        for block in blocks
        for statement in block.body
        for found in _walk(statement, deferred=False)
    )


def loads(module: str) -> set[str]:
    """What importing a module loads, as far as skmdn's own import statements say."""
    reached, open_ends = set(), {module}
    while open_ends:
        module = open_ends.pop()
        reached.add(module)
        if module in MODULES:
            file = MODULES[module]
            now = {found.module for found in imports(file) if not found.deferred}
            open_ends |= now - typing_only(file) - reached
    return reached


def is_heavy(module: str) -> bool:
    return any(is_within(loaded, heavy) for loaded in loads(module) for heavy in HEAVY)


def test_rooms_import_what_the_table_says():
    found: dict[str, set[str]] = {}
    for module, file in MODULES.items():
        neighbours = {room(other) for other in ours(file)} - {room(module)}
        found.setdefault(room(module), set()).update(neighbours)
    assert found == ROOMS


def test_rooms_stand_above_what_they_import():
    floors = list(ROOMS)
    for above, rooms in ROOMS.items():
        for below in rooms:
            assert floors.index(above) < floors.index(below), (above, below)


def test_rooms_and_arrows_can_be_taken_in_at_a_glance():
    assert len(ROOMS) <= MAX_ROOMS
    assert sum(len(rooms) for rooms in ROOMS.values()) <= MAX_ARROWS


def test_every_import_of_the_package_exists():
    for file in FILES:
        assert ours(file) <= MODULES.keys(), relative(file)


def test_no_cycles_even_with_deferred_imports():
    graph = {module: ours(file) - {module} for module, file in MODULES.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_deferred_imports_are_heavy_or_listed(file):
    listed = DEFERRED_ELSEWHERE.get(relative(file), set())
    for found in imports(file):
        if found.deferred:
            is_listed = any(is_within(found.module, package) for package in listed)
            assert is_listed or is_heavy(found.module), found.module


def test_importing_the_package_loads_nothing_heavy():
    assert "skmdn.regressor" in loads("skmdn")
    assert not is_heavy("skmdn")
    assert "skmdn.export" not in loads("skmdn")
    assert is_heavy("skmdn._engine")


def test_torch_is_imported_by_the_engine_only():
    for file in FILES:
        if any(is_within(found.module, "torch") for found in imports(file)):
            assert TORCH_FILES.fullmatch(relative(file)), relative(file)


def test_dask_is_imported_by_its_room_only():
    for file in FILES:
        packages = ("dask", "distributed", "skmdn.dask")
        if any(is_within(found.module, one) for found in imports(file) for one in packages):
            assert relative(file).startswith("dask/"), relative(file)


def test_private_scikit_learn_has_one_importer():
    for file in FILES:
        for found in imports(file):
            parts = found.module.split(".")
            if parts[0] == "sklearn" and any(part.startswith("_") for part in parts):
                assert relative(file) in PRIVATE_SKLEARN_FILES, f"{relative(file)}: {found.module}"


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_file_is_named_for_one_concept(file):
    assert not BANNED_NAMES.fullmatch(file.stem)
    assert not BANNED_NAMES.fullmatch(file.parent.name)


def test_files_are_short_unless_listed():
    lengths = {relative(file): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert {name for name, length in lengths.items() if length > MAX_LINES} <= LONG_FILES.keys()


@cache
def definitions(file: Path) -> tuple[ast.stmt, ...]:
    """Functions and classes of a file, those inside others among them."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return tuple(node for node in ast.walk(tree) if isinstance(node, kinds))


def test_functions_are_short():
    lengths = [
        node.end_lineno - node.lineno + 1
        for file in FILES
        for node in definitions(file)
        if not isinstance(node, ast.ClassDef)
    ]
    assert np.median(lengths) <= MEDIAN_LINES
    assert np.quantile(lengths, 0.95) <= MOST_LINES


def test_classes_are_small_unless_listed():
    for file in FILES:
        for node in definitions(file):
            n_methods = sum(
                isinstance(part, ast.FunctionDef) for part in ast.iter_child_nodes(node)
            )
            if isinstance(node, ast.ClassDef) and n_methods > MAX_METHODS:
                is_listed = node.name in LARGE_CLASSES
                assert is_listed or LARGE_CLASS_FILES.fullmatch(relative(file)), node.name


def is_public(name: str) -> bool:
    return name == "__init__" or not name.startswith("_")


def annotations_that_others_see(file: Path) -> Iterator[tuple[str, str]]:
    """Names of what other files may import, and the annotations of its signatures and fields."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and is_public(node.name):
            yield from ((node.name, annotation) for annotation in annotations(node))
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and is_public(part.name):
                    name = f"{node.name}.{part.name}"
                    yield from ((name, annotation) for annotation in annotations(part))
                if isinstance(part, ast.AnnAssign):
                    yield node.name, ast.unparse(part.annotation)


def annotations(function: ast.FunctionDef) -> Iterator[str]:
    parameters = [node for node in ast.walk(function.args) if isinstance(node, ast.arg)]
    for annotation in (*(parameter.annotation for parameter in parameters), function.returns):
        if annotation is not None:
            yield ast.unparse(annotation)


def test_what_holds_arrays_has_no_equality():
    """Equal arrays have no truth value, which dataclasses ask for since Python 3.13."""
    for file in FILES:
        for node in definitions(file):
            decorators = " ".join(map(ast.unparse, node.decorator_list))
            fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
            holds_arrays = any(ARRAYS.search(ast.unparse(field.annotation)) for field in fields)
            if "dataclass" in decorators and holds_arrays:
                assert "eq=False" in decorators, node.name


def test_what_crosses_a_file_is_typed():
    """No signature or field that another file can name is a dictionary of anything."""
    found = {
        name
        for file in FILES
        for name, annotation in annotations_that_others_see(file)
        if UNTYPED.search(annotation)
    }
    assert found == UNTYPED_DICTIONARIES.keys()


def test_no_private_name_is_imported():
    """So that what crosses a file is public, and its signature looked at above."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and is_within(node.module, "skmdn"):
                for alias in node.names:
                    is_module = f"{node.module}.{alias.name}" in MODULES
                    assert is_module or not alias.name.startswith("_"), f"{file}: {alias.name}"


def public_callables(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Functions, classes and their methods that a user can ask help of."""
    for name in module.__all__:
        member = getattr(module, name)
        if isinstance(member, ModuleType):
            yield from public_callables(member)
            continue
        yield name, member
        if inspect.isclass(member):
            methods = inspect.getmembers(member, callable)
            yield from ((f"{name}.{part}", method) for part, method in methods if part[0] != "_")


def test_help_shows_short_signatures():
    for name, member in public_callables(skmdn):
        signature = inspect.signature(member)
        longest = MAX_SIGNATURE
        if inspect.isclass(member):
            longest = max(longest, MAX_PER_PARAMETER * len(signature.parameters))
        assert len(str(signature)) <= longest, f"{name}{signature}"


def test_no_machine_paths():
    texts = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", ".ci/run")]
    texts += [*FILES, *ROOT.glob("*.toml"), *ROOT.glob("*.cfg")]
    texts += [*(ROOT / "tests").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]
    for text in texts:
        found = MACHINE_PATH.search(text.read_text(encoding="utf-8"))
        assert found is None, f"{text.relative_to(ROOT)}: {found.group()}"
