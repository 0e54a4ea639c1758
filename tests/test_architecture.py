"""The plan of the house, as a test: who imports whom, and what a file may be."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

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
MAX_ROOMS, MAX_ARROWS = 18, 50

# Imports inside functions serve one end: importing skmdn loads neither torch nor matplotlib, and of
# scikit-learn little more than its base. So they are of the first two, of files of skmdn that
# import torch, of scikit-learn's large parts in the files listed; and of libraries a user names.
HEAVY = {"torch", "matplotlib"}
DEFERRED_ELSEWHERE = {
    "_estimators/folds.py": {"sklearn.model_selection"},
    "model_selection.py": {"sklearn.model_selection"},
    "preprocessing/tree_regressors.py": {"sklearn.ensemble", "sklearn.multioutput"},
    "ensemble/progress.py": {"tqdm"},
    "mixture/export.py": {"pandas", "scipy.stats"},
    "metrics/report.py": {"pandas"},
}
TORCH_FILES = re.compile(r"_engine/.*|mixture/export\.py")
PRIVATE_SKLEARN_FILES = {"_estimators/parameters.py"}

MAX_LINES = 400
LONG_FILES = {
    "regressor.py": "one public class, two thirds of it the manual of its parameters and methods",
}

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
    assert is_heavy("skmdn._engine")


def test_torch_is_imported_by_the_engine_only():
    for file in FILES:
        if any(is_within(found.module, "torch") for found in imports(file)):
            assert TORCH_FILES.fullmatch(relative(file)), relative(file)


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


def test_no_machine_paths():
    texts = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", ".ci/run")]
    texts += [*FILES, *ROOT.glob("*.toml"), *ROOT.glob("*.cfg")]
    texts += [*(ROOT / "tests").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]
    for text in texts:
        found = MACHINE_PATH.search(text.read_text(encoding="utf-8"))
        assert found is None, f"{text.relative_to(ROOT)}: {found.group()}"
