"""The exported class with the weights of a model, imported from a file as a person would import it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from archsearch.cell import Cell
from archsearch.exporters.model import SizedModel
from archsearch.exporters.module_names import class_name
from archsearch.exporters.python import to_python
from archsearch.exporters.tidy import tidy

SEED = 0
"""Of the weights where none were trained."""


def exported_module(folder: Path, cell: Cell, model: SizedModel) -> nn.Module:
    """Return the exported class with sizes and weights, float32, in evaluation mode.

    It is imported from a file, whose lines name what a graph computes.

    Args:
        folder: Where the file may lie.
        cell: The cell.
        model: Sizes and weights; without weights they are those that training from seed 0 would begin with.
    """
    shown = tidy(cell)
    made = getattr(_imported(folder, to_python(shown.cell)), class_name(shown))
    names = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "bidirectional")
    with torch.random.fork_rng([]):
        torch.manual_seed(SEED)
        module: nn.Module = made(**{name: getattr(model, name) for name in names})
    if model.weights:
        module.load_state_dict({name: torch.tensor(array) for name, array in model.weights.items()})
    return module.eval()


def _imported(folder: Path, source: str) -> ModuleType:
    """Return a module of a source that was printed here, from a file of its own."""
    path = folder / "exported_module_of_job.py"
    path.write_text(source, encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        importlib.invalidate_caches()
        sys.modules.pop(path.stem, None)  # that of another job
        return importlib.import_module(path.stem)
    finally:
        sys.path.remove(str(folder))
