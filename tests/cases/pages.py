"""Code of pages of Markdown, and a run of it."""

import re

import pytest


def python_blocks(text):
    """The fenced blocks of Python, in order."""
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run_blocks(blocks, title):
    """What the blocks have named, run in order; skipped where they import what is not installed."""
    for module in re.findall(r"^(?:import|from) ([\w.]+)", "".join(blocks), re.MULTILINE):
        pytest.importorskip(module)
    names = {"__name__": "__main__"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{title}, block {number}", "exec"), names)
    return names
