"""The READMEs and CONTRIBUTING name what is there. test_examples.py runs the code of README.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs" / "large_data.md",
    EXAMPLES / "README.md",
    EXAMPLES / "benchmarks" / "README.md",
    ROOT / "docs" / "neighbours.md",
]


def read(page):
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page):
    headings = {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", read(page), re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if target.startswith("#"):
            assert target[1:] in headings
        elif "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("folder", [EXAMPLES, EXAMPLES / "benchmarks"], ids=lambda f: f.name)
def test_every_example_and_benchmark_is_listed(folder):
    text = read(folder / "README.md")
    for script in folder.glob("*.py"):
        assert f"[{script.name}]({script.name})" in text


def test_install_names_every_dependency():
    declared = re.search(r"^dependencies = \[(.*?)^\]", read(ROOT / "pyproject.toml"), re.M | re.S)
    names = re.findall(r'^    "([a-z-]+)', declared[1], re.MULTILINE)
    install = read(ROOT / "README.md").split("## Install")[1].lower()
    assert len(names) > 4
    assert [name for name in names if name not in install] == []


def test_the_clash_of_import_names_is_told_before_the_first_install():
    text = read(ROOT / "README.md")
    assert text.index("scikit-mdn") < text.index("pip install")
