"""The table of export formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsearch.cell import Cell
from archsearch.exporters.c import to_c
from archsearch.exporters.cell import to_cell
from archsearch.exporters.checking import check_pararnn, check_python
from archsearch.exporters.checking_c import check_all_c
from archsearch.exporters.checking_kernels import check_kernels
from archsearch.exporters.dot import to_dot
from archsearch.exporters.drawing.svg import to_svg
from archsearch.exporters.graph_json import to_json
from archsearch.exporters.kernels import with_kernels
from archsearch.exporters.latex import to_latex
from archsearch.exporters.model import SizedModel
from archsearch.exporters.pararnn import to_pararnn
from archsearch.exporters.python import to_python
from archsearch.exporters.runnable import check_runnable, to_runnable


@dataclass(frozen=True, slots=True)
class Exporter:
    """An export format.

    Attributes:
        render: Makes the file's text or bytes of a cell and of its scores, if any; where it is sized, also of a model.
        suffix: The usual ending of the file's name.
        about: What the file is, in a line.
        check: Raises if what `render` made does not do what the cell does; None where nothing can be executed. It is given
            the cell, what was made, the model, and the safetensors file of its weights, or None.
        sized: Whether the file holds a model of some size, perhaps with weights.
        binary: Whether it is bytes, and no text.
        beside: Whether weights stand in a file beside it.
        one_way: Whether its layers cannot read both ways.
        kernels: The same with compiled kernels beside it; None where there are none.
    """

    render: Callable[..., Any]
    suffix: str
    about: str
    check: Callable[[Cell, Any, SizedModel, Path | None], None] | None = None
    sized: bool = False
    binary: bool = False
    beside: bool = False
    one_way: bool = False
    kernels: Exporter | None = None


def _of_text(check: Callable[[Cell, str], None]) -> Callable[[Cell, str, SizedModel, Path | None], None]:
    """Return the check of a format without sizes, which looks at the text alone."""
    return lambda cell, text, model, weights: check(cell, text)


def _graph(format: str, suffix: str, about: str) -> Exporter:
    return Exporter(to_runnable(format), suffix, about, check_runnable(format), sized=True, binary=True)


EXPORTERS: dict[str, Exporter] = {
    "python": Exporter(
        to_python,
        ".py",
        "a torch module that needs nothing of archsearch",
        _of_text(check_python),
        beside=True,
        kernels=Exporter(
            with_kernels,
            ".py",
            "the same with compiled kernels",
            _of_text(check_kernels),
        ),
    ),
    "cell": Exporter(to_cell, ".cell", "the cell's text, which archsearch reads"),
    "json": Exporter(to_json, ".json", "the graph, node by node"),
    "dot": Exporter(to_dot, ".dot", "the graph for Graphviz"),
    "svg": Exporter(to_svg, ".svg", "a picture"),
    "latex": Exporter(to_latex, ".tex", "the equations, to be set in a paper"),
    "c": Exporter(
        to_c,
        ".c",
        "one file of C99 that takes one step, without memory from the heap",
        lambda cell, text, model, weights: check_all_c([(cell, text)], weights),
        sized=True,
    ),
    "onnx": _graph("onnx", ".onnx", "a model with weights for ONNX Runtime, open in time and batch"),
    "pt2": _graph("pt2", ".pt2", "the same for `torch.export.load`"),
    "pararnn": Exporter(
        to_pararnn,
        ".py",
        "a cell for pararnn-torch, with its Jacobian where that is diagonal",
        _of_text(check_pararnn),
        beside=True,
        one_way=True,
    ),
}
