"""The code of the notebooks, cell by cell."""

import ast
import json
import os
import sysconfig
from pathlib import Path

import pytest

NEED_TORCH = ["fine_tune"]
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def shown(source, names):
    """Run a cell. Returns the value of its last line, as a notebook does."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_cell_runs(path, tmp_path, monkeypatch, request):
    if path.stem in NEED_TORCH:
        request.getfixturevalue("engine")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", sysconfig.get_path("scripts"), prepend=os.pathsep)
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    names = {}
    for cell in cells:
        assert cell["outputs"] == [], "notebooks are kept without outputs"
        value = shown("".join(cell["source"]), names)
        if hasattr(value, "_repr_html_"):
            assert value._repr_html_()
    if path.stem == "evaluate_and_compare":
        assert 0 < names["new"].stats["AP"] < 1
        assert names["comparison"]["ap"]
    elif path.stem == "fine_tune":
        assert names["trainer"].iterations == 4 and names["records"][-1]["iteration"] == 3
        assert len(names["video"]) == names["frame"].index + 1
    else:
        assert names["checkup"].ok
