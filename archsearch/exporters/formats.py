"""The table of export formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archsearch.cell import Cell
from archsearch.exporters.cell import to_cell
from archsearch.exporters.checking import check_python
from archsearch.exporters.dot import to_dot
from archsearch.exporters.drawing.svg import to_svg
from archsearch.exporters.graph_json import to_json
from archsearch.exporters.latex import to_latex
from archsearch.exporters.python import to_python
from archsearch.exporters.scores import Scores


@dataclass(frozen=True, slots=True)
class Exporter:
    """An export format.

    Attributes:
        render: Makes the file's text of a cell and of its scores, if any.
        suffix: The usual ending of the file's name.
        check: Raises if a text does not do what the cell does; None where nothing can be executed.
    """

    render: Callable[[Cell, Scores | None], str]
    suffix: str
    check: Callable[[Cell, str], None] | None = None


EXPORTERS: dict[str, Exporter] = {
    "python": Exporter(to_python, ".py", check_python),
    "cell": Exporter(to_cell, ".cell"),
    "json": Exporter(to_json, ".json"),
    "dot": Exporter(to_dot, ".dot"),
    "svg": Exporter(to_svg, ".svg"),
    "latex": Exporter(to_latex, ".tex"),
}
