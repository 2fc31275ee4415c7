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
        about: What the file is, in a line.
        check: Raises if a text does not do what the cell does; None where nothing can be executed.
    """

    render: Callable[[Cell, Scores | None], str]
    suffix: str
    about: str
    check: Callable[[Cell, str], None] | None = None


EXPORTERS: dict[str, Exporter] = {
    "python": Exporter(to_python, ".py", "a torch module that needs nothing of archsearch", check_python),
    "cell": Exporter(to_cell, ".cell", "the cell's text, which archsearch reads"),
    "json": Exporter(to_json, ".json", "the graph, node by node"),
    "dot": Exporter(to_dot, ".dot", "the graph for Graphviz"),
    "svg": Exporter(to_svg, ".svg", "a picture"),
    "latex": Exporter(to_latex, ".tex", "the equations, to be set in a paper"),
}
