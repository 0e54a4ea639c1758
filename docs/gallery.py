"""The gallery: copies of the examples with headings, run one by one; the pictures they save."""

import re
import shutil
from pathlib import Path

from matplotlib.figure import Figure

# sphinx-gallery looks up each name that an example imports, this search's among them.
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sphinx_gallery.scrapers import figure_rst

HEADER = """
Examples
========

Each script runs as it is, in seconds, two of them in a minute. They are here in reading order.
"""


def copy_scripts(examples, folder):
    """Copy scripts and tables; in the copies, docstrings and cells read as a page."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for table in examples.glob("*.csv"):
        shutil.copy(table, folder)
    for script in examples.glob("*.py"):
        text = as_page(script.read_text(encoding="utf-8"))
        (folder / script.name).write_text(text, encoding="utf-8")
    draw_thumbnail(folder / "no_picture.png")
    (folder / "GALLERY_HEADER.rst").write_text(HEADER, encoding="utf-8")


def draw_thumbnail(file):
    """Thumbnail of a script that draws nothing."""
    figure = Figure(figsize=(4.8, 3), facecolor="white")
    words = {"ha": "center", "va": "center", "family": "monospace", "size": 17, "color": "#08519c"}
    figure.text(0.5, 0.5, "model.predict_proba(X)", **words)
    figure.savefig(file, dpi=100)


def as_page(script):
    """First line of the docstring as a heading, commands and names as code, cells with text."""
    _, docstring, code = script.split('"""', 2)
    title, text = docstring.split("\n", 1)
    title = title.removesuffix(".")
    text = re.sub(r"((?:^    .*\n)+)", r".. code-block:: console\n\n\1", text, flags=re.MULTILINE)
    text = re.sub(r"^(?=[A-Z]\. )", "Source: ", text, flags=re.MULTILINE)  # no list from "C." on
    text = re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", text)
    code = re.sub(r"^# %% (.*(?:\n# .*)*)", r"# %%\n# \1", code, flags=re.MULTILINE)
    code = re.sub(r"Path\(__file__\)\.with_name\((.*?)\)", r"Path(\1)", code)  # run where they lie
    return f'"""\n{title}\n{"=" * len(title)}\n{text}"""{code}'


def reading_order(name):
    """Place of a script in the table of the examples' README."""
    readme = Path(__file__).resolve().parents[1] / "examples" / "README.md"
    return readme.read_text(encoding="utf-8").index(f"[{name}]")


def saved_file(script):
    """Name of the file that a script saves; none if it saves several, in a folder of its own."""
    found = re.search(r'mkdtemp\(\), "([^"]+)"\)', Path(script).read_text(encoding="utf-8"))
    return found and found[1]


def arguments(gallery_conf, script_vars):
    """Arguments of a script: the file to save, in the folder that it runs in."""
    saved = saved_file(script_vars["src_file"])
    return [saved] if saved else []


def picture(block, block_vars, gallery_conf):
    """The picture that a block of code has saved, as a figure."""
    script = Path(block_vars["src_file"])
    name = saved_file(script)
    saved = script.with_name(name or script.name)
    if saved.suffix != ".png" or not saved.exists():
        return ""
    shown = next(block_vars["image_path_iterator"])
    shutil.move(saved, shown)
    return figure_rst([shown], gallery_conf["src_dir"])
