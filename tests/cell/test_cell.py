"""What a cell offers beside its text and its identity: files and pictures."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from archsearch.cell import Cell, library
from archsearch.connections import CONNECTED
from archsearch.errors import CellError
from archsearch.exporters.drawing.svg import to_svg


def test_a_cell_is_loaded_from_a_file(tmp_path: Path) -> None:
    gru = library.load("gru")
    (tmp_path / "mine.cell").write_text(gru.text())
    assert Cell.load(tmp_path / "mine.cell") == Cell.load(str(tmp_path / "mine.cell")) == gru


def test_a_file_that_is_no_cell_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.cell").write_text("cell bad(x, h):\n    h' = y\n")
    with pytest.raises(CellError, match=r"bad\.cell:2:10: unknown name 'y'"):
        Cell.load(tmp_path / "bad.cell")
    with pytest.raises(CellError, match=r"missing\.cell: No such file"):
        Cell.load(tmp_path / "missing.cell")


def test_a_notebook_shows_a_cell_as_its_picture() -> None:
    cell = library.load("lstm")
    assert cell._repr_svg_() == to_svg(cell)
    assert ElementTree.fromstring(cell._repr_svg_() or "").tag.endswith("svg")


def test_a_thing_that_nobody_draws_has_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(CONNECTED, "draw cell")
    assert library.load("gru")._repr_svg_() is None


def test_the_drawing_is_loaded_when_something_is_drawn() -> None:
    code = "import sys, archsearch; archsearch.library.load('gru'); sys.exit('archsearch.exporters' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
