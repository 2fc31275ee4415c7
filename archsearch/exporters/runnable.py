"""A cell with weights as a graph that other programs run: ONNX, and pt2 of `torch.export`.

Graphs are made, and then run and compared, in two processes: this one does not load torch, and what reads a graph again
knows nothing but the file.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path

from archsearch.cell import Cell
from archsearch.errors import InputError
from archsearch.exporters.checking import run_module
from archsearch.exporters.job import write_job
from archsearch.exporters.model import SizedModel
from archsearch.exporters.scores import Scores

NEEDED = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "pt2": ()}
"""Packages that a format needs besides ours: one describes, one writes, one runs."""


def to_runnable(format: str) -> Callable[..., bytes]:
    """Return the function that makes a graph of a cell, of its scores and of a `SizedModel`, both of which may be None.

    It raises InputError where a package is missing, and ArchsearchError where torch makes no graph of the cell.
    """

    def render(cell: Cell, scores: Scores | None = None, model: SizedModel | None = None) -> bytes:
        check_installed(format)
        with tempfile.TemporaryDirectory(prefix="archsearch-") as folder:
            write_job(Path(folder), cell, scores, model or SizedModel())
            run_module(["archsearch.exporters.converting", folder, format], f"making the {format} file")
            return Path(folder, f"exported.{format}").read_bytes()

    return render


def check_runnable(format: str) -> Callable[[Cell, bytes, SizedModel, Path | None], None]:
    """Return the function that runs a graph in its own consumer and compares it with the layer.

    It takes the cell, the graph, the model that it holds, and the safetensors file of the layer that the weights are of, or
    None; it raises ArchsearchError where the two differ.
    """

    def check(cell: Cell, content: bytes, model: SizedModel, weights: Path | None) -> None:
        with tempfile.TemporaryDirectory(prefix="archsearch-") as folder:
            write_job(Path(folder), cell, None, model)
            Path(folder, f"exported.{format}").write_bytes(content)
            given = [] if weights is None else [str(weights)]
            module = "archsearch.exporters.comparing_runnable"
            run_module([module, folder, format, *given], f"the check of the {format} file")

    return check


def check_installed(format: str) -> None:
    """Raise InputError where a package that a format needs is missing."""
    for package in NEEDED[format]:
        if importlib.util.find_spec(package) is None:
            raise InputError(
                f"--format {format} needs {package}, which is not installed: pip install archsearch[{format}]"
            )
