"""The package runs no text, starts no program and opens no connection."""

import ast
from pathlib import Path

import pytest

import skmdn
from skmdn._distribution import check_folder

FILES = sorted(Path(skmdn.__file__).parent.rglob("*.py"))
CALLS = {"eval", "exec", "compile", "__import__"}
MODULES = {"subprocess", "socket", "urllib", "requests", "http", "ftplib", "ssl", "pty", "pickle"}
OF_OS = {"system", "popen", "exec", "spaw"}


def offences(source):
    """What of a source text may run text, start a program or open a connection."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").partition(".")[0] in MODULES:
                yield node.module
            yield from (a.name for a in node.names if node.module == "os" and a.name in OF_OS)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from {node.func.id} & CALLS
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os":
            yield from {node.attr} if node.attr in OF_OS or node.attr[:4] in OF_OS else ()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_is_evaluated_started_or_downloaded(file):
    assert not list(offences(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "source",
    [
        *("eval('1')", "exec('1')", "import subprocess", "from urllib.request import urlopen"),
        *("import os\nos.system('ls')", "from os import system", "os.execv('a', [])"),
    ],
)
def test_offences_are_found(source):
    assert list(offences(source))


def test_scikit_mdn_in_the_same_folder_is_named(tmp_path):
    (tmp_path / "skmdn").mkdir()
    (tmp_path / "skmdn-0.1.0.dist-info").mkdir()
    check_folder(str(tmp_path / "skmdn"))
    (tmp_path / "scikit_mdn-0.0.3.dist-info").mkdir()
    with pytest.raises(ImportError, match="pip uninstall scikit-mdn"):
        check_folder(str(tmp_path / "skmdn"))
