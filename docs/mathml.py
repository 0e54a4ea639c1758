"""Formulas as MathML, which browsers draw by themselves: no script, and no network."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def source(node):
    """LaTeX of a node as docutils reads it."""
    return node.astext().replace(r"\dots", r"\ldots")  # docutils knows one of the two


def inline(translator, node):
    """Write a formula in a line of text."""
    translator.body.append(tex2mathml(source(node)))
    raise nodes.SkipNode


def display(translator, node):
    """Write a formula on a line of its own."""
    translator.body.append(f'<div class="formula">{tex2mathml(source(node), as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app):
    """Register the renderer, for `html_math_renderer`."""
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
