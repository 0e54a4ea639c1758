"""The site: `python -m sphinx -W -b html docs build/site` in the root of the checkout."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import gallery  # noqa: E402

import skmdn  # noqa: E402

project = "skmdn"
author = copyright = "The skmdn developers"
version = release = skmdn.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "mathml",
    "myst_parser",
    "numpydoc",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_templates", "gallery_scripts"]
templates_path = ["_templates"]
default_role = "py:obj"  # `names` in docstrings lead to their pages, where they have one

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings have them
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "skmdn"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_sidebars = {"index": [], "choosing": [], "comparison": [], "neighbours": [], "theory": []}
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 8,
    "navbar_persistent": [],
    "navbar_end": ["search-button", "theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
}

gallery.copy_scripts(ROOT / "examples", ROOT / "docs" / "gallery_scripts")
sphinx_gallery_conf = {
    "examples_dirs": "gallery_scripts",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    # The other one starts processes that import it by its path.
    "ignore_pattern": r"(flat_rents|on_a_cluster)\.py$",
    "copyfile_regex": r".*\.csv$",
    "within_subsection_order": "gallery.reading_order",
    "image_scrapers": ("gallery.picture",),
    "reset_argv": "gallery.arguments",
    "capture_repr": (),
    "abort_on_example_error": True,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "thumbnail_size": (480, 300),
    "default_thumb_file": str(ROOT / "docs" / "gallery_scripts" / "no_picture.png"),
    "write_computation_times": False,
}

_LABEL = re.compile(r":(?:ref|term):`([^<`]+?)(?:\s*<[^>`]+>)?`")
_SHAPE = re.compile(r"shape \([^)`]*\)")


def as_read_here(app, what, name, obj, options, lines):
    """Docstrings without labels of scikit-learn's site; in shapes, `n_outputs_` is no link."""
    text = _LABEL.sub(r"\1", "\n".join(lines))
    lines[:] = _SHAPE.sub(lambda shape: re.sub("_(?=[,)])", r"\_", shape[0]), text).split("\n")


def setup(app):
    """Hand docstrings through the function above."""
    app.connect("autodoc-process-docstring", as_read_here, priority=900)
