"""A cell as a `.cell` file: its own text, the scores as comments at its end, where they do not become its note."""

from __future__ import annotations

from archsearch.cell import Cell
from archsearch.exporters.scores import Scores, score_lines
from archsearch.exporters.tidy import tidy


def to_cell(cell: Cell, scores: Scores | None = None) -> str:
    """Return the text of a cell; parsing it gives the cell again."""
    comments = [f"# {line}" for line in score_lines(scores)]
    return tidy(cell).cell.text() + "".join(f"{line}\n" for line in ["", *comments] if comments)
