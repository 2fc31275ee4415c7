"""What is said to a process of its own that makes or checks a graph of a cell: a folder of plain files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors.numpy import load_file, save_file

from archsearch import __version__
from archsearch.cell import Cell
from archsearch.exporters.model import ModelEnds, SizedModel
from archsearch.exporters.scores import Scores, score_lines
from archsearch.exporters.tidy import tidy
from archsearch.words import escaped, polynomial

CELL, ABOUT, SIZES, WEIGHTS = "exported.cell", "about.txt", "sizes.json", "weights.safetensors"
ENDS, NUMBERS = "ends.safetensors", "ends.json"
ARRAYS = ("embedding", "head", "bias")
"""What of `ModelEnds` is an array."""

GRAPHS = {"onnx": "archsearch.exporters.onnx_graph", "pt2": "archsearch.exporters.pt2_graph"}
"""Format -> the module whose `write` returns the bytes of a graph, and whose `runner` runs a file of them."""


def write_job(folder: Path, cell: Cell, scores: Scores | None, model: SizedModel) -> None:
    """Write what a process of its own needs to know into a folder.

    Args:
        folder: Where.
        cell: The cell.
        scores: What a run found out about it.
        model: Sizes and weights, and what stands around the layers, if anything does.
    """
    sizes = {name: getattr(model, name) for name in model.__slots__ if name not in ("weights", "ends")}
    (folder / CELL).write_text(tidy(cell).cell.text(), encoding="utf-8")
    about = "\n".join(_documentation(cell, scores, model.ends)) + "\n"
    (folder / ABOUT).write_text(about, encoding="utf-8")
    (folder / SIZES).write_bytes(msgspec.json.encode(sizes))
    if model.weights:
        save_file(dict(model.weights), folder / WEIGHTS)
    if model.ends:
        numbers = {name: getattr(model.ends, name) for name in model.ends.__slots__ if name not in ARRAYS}
        (folder / NUMBERS).write_bytes(msgspec.json.encode(numbers))
        arrays = {name: np.ascontiguousarray(getattr(model.ends, name)) for name in ARRAYS}
        save_file(arrays, folder / ENDS)


def read_job(folder: Path) -> tuple[Cell, SizedModel]:
    """Return the cell and the model that `write_job` wrote."""
    weights = load_file(folder / WEIGHTS) if (folder / WEIGHTS).exists() else {}
    sizes = msgspec.json.decode((folder / SIZES).read_bytes())
    ends = None
    if (folder / ENDS).exists():
        numbers = msgspec.json.decode((folder / NUMBERS).read_bytes())
        arrays: dict[str, Any] = load_file(folder / ENDS)
        ends = ModelEnds(**numbers, **arrays)
    cell = Cell.parse((folder / CELL).read_text(encoding="utf-8"), "exported")
    return cell, SizedModel(**sizes, weights=weights, ends=ends)


def _documentation(cell: Cell, scores: Scores | None, ends: ModelEnds | None) -> list[str]:
    """Return what a graph says of itself."""
    shown = tidy(cell).cell
    return [
        f"The recurrent cell {shown.name}."
        if ends is None
        else f"A model of the recurrent cell {shown.name}.",
        *([] if ends is None else _words(ends)),
        "",
        *map(escaped, shown.text().splitlines()),
        "",
        f"{shown.id}: {polynomial(shown.polynomial)} parameters for an input as wide as the state (n).",
        *score_lines(scores),
        f"Written by archsearch {__version__}.",
    ]


def _words(ends: ModelEnds) -> list[str]:
    """Return what a whole model reads and says."""
    unit = "in the units of the file" if ends.mean else "as it was trained on them"
    read = f"{ends.inputs} numbers {unit}" if ends.inputs else f"one of {len(ends.embedding)} symbols"
    return [f"It reads {read} at every step, and gives {len(ends.head)} {ends.said}."]
