"""Compares exported modules with compiled cells: `python -m archsearch.exporters.comparing FOLDER COUNT`.

FOLDER holds `exported0.py` with `exported0.cell`, and so on. Every module runs its self-check, then gets the weights of
the compiled cell and must give the same values and gradients.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.compiler.parameters import PROJECTION, bias_name, weight_name
from archsearch.exporters.python import class_name, parameter_names
from archsearch.exporters.tidy import Tidy, tidy

TOLERANCE = 1e-6
GRADIENTS = 1e-9
"""For gradients in float64, of the largest entry of each tensor."""

SIZES = ((5, 8, 1, 7, 3), (8, 8, 2, 5, 2), (9, 6, 2, 4, 1))
"""Input size, hidden size, layers, time steps, batch."""


def compare(module: ModuleType, cell: Cell) -> None:
    """Raise AssertionError where the exported module differs from the compiled cell."""
    shown = tidy(cell)
    make = getattr(module, class_name(shown))
    for case, (input_size, hidden_size, layers, time, batch) in enumerate(SIZES):
        for dtype in (torch.float32, torch.float64):
            torch.manual_seed(case)
            options: dict[str, Any] = {"num_layers": layers, "batch_first": case == 1, "dtype": dtype}
            compiled = Recurrent(shown.cell, input_size, hidden_size, **options)
            exported = make(input_size, hidden_size, **options)
            _copy(compiled, exported, shown, layers)
            shape = (batch, time, input_size) if case == 1 else (time, batch, input_size)
            x = torch.randn(shape, dtype=dtype)
            starts = [torch.randn(layers, batch, hidden_size, dtype=dtype) for _ in shown.cell.states]
            state = None if case == 0 else tuple(starts) if len(starts) > 1 else starts[0]
            _compare(compiled, exported, x, state)


def _copy(compiled: torch.nn.Module, exported: torch.nn.Module, shown: Tidy, layers: int) -> None:
    """Give the exported module the weights of the compiled cell; all of them must find a place."""
    source = dict(compiled.named_parameters())
    canonical = {handle: name for name, handle in shown.origin.items()}
    names: dict[str, str] = {"P": PROJECTION}
    for handle, own in parameter_names(shown).items():
        names[own.weight] = weight_name(canonical[handle])
        if own.bias is not None:
            names[own.bias] = bias_name(canonical[handle])
    copied = {}
    for name in exported.state_dict():
        _, layer, parameter = name.split(".")
        copied[name] = source.pop(f"{names[parameter]}_l{layer}").detach()
    if source:
        raise AssertionError(f"{len(source)} weights of the compiled cell are not in the export")
    exported.load_state_dict(copied)


def _compare(compiled: torch.nn.Module, exported: torch.nn.Module, x: Tensor, state: Any) -> None:
    outcomes = []
    for module in (compiled, exported):
        read = x.clone().requires_grad_()
        output, final = module(read, state)
        finals = (final,) if isinstance(final, Tensor) else tuple(final)
        values = [output, *finals]
        sum(value.square().sum() for value in values).backward()
        outcomes.append((values, read.grad))
    (expected, expected_gradient), (found, found_gradient) = outcomes
    for ours, theirs in zip(expected, found, strict=True):
        torch.testing.assert_close(theirs, ours, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    if x.dtype == torch.float64 and expected_gradient is not None:
        scale = expected_gradient.abs().max().nan_to_num(0.0, 0.0).item()
        torch.testing.assert_close(
            found_gradient, expected_gradient, rtol=GRADIENTS, atol=GRADIENTS * max(scale, 1.0), equal_nan=True
        )


def main(folder: str, count: int) -> None:
    """Check all modules of a folder; the last line of a failure says which cell and why."""
    torch.set_num_threads(1)
    sys.path.insert(0, folder)
    for index in range(count):
        cell = Cell.parse(Path(folder, f"exported{index}.cell").read_text(encoding="utf-8"), f"exported{index}")
        try:
            module = importlib.import_module(f"exported{index}")
            module.self_check()
            compare(module, cell)
        except Exception as error:
            sys.exit(f"{cell.name}: {type(error).__name__}: {' '.join(str(error).split())}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
