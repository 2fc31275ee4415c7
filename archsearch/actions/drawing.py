"""A cell as a picture, for notebooks."""

from __future__ import annotations

import os

from archsearch.actions.cells import load_cell
from archsearch.cell import Cell
from archsearch.exporters import EXPORTERS


class Picture(str):
    """An SVG document that notebooks show as a picture."""

    def _repr_svg_(self) -> str:
        return str(self)


def draw_cell(cell: Cell | str, runs: str | os.PathLike[str] | None = None) -> Picture:
    """Return the graph of a cell as a picture that a notebook shows; its text is an SVG document.

    Args:
        cell: A cell, or what `load_cell` takes.
        runs: Folder of all runs; None for ARCHSEARCH_RUNS, else "runs".
    """
    drawn = cell if isinstance(cell, Cell) else load_cell(cell, runs)
    return Picture(EXPORTERS["svg"].render(drawn, None))
