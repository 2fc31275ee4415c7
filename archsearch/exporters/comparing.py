"""Compares exported modules with their cells: `python -m archsearch.exporters.comparing FOLDER COUNT`.

FOLDER holds `exported0.py` with `exported0.cell`, and so on. Every module runs its self-check, then gets the weights of
a layer of the cell, which the interpreter computes as for all formats, and must give the same values and gradients.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.exporters.kernels import beside
from archsearch.exporters.module_names import class_name
from archsearch.exporters.tidy import tidy
from archsearch.exporters.weights import names_of_export

SINGLE, DOUBLE = 1e-6, 1e-9
"""How far values may be apart in float32 and in float64, of the largest entry of a tensor or of 1."""

ERRORS = 16.0
"""Or in float32 so many times as far as the layer is from its own float64: some cells amplify rounding."""

SIZES = ((5, 8, 1, 7, 3), (8, 8, 2, 5, 2), (9, 6, 2, 4, 1))
"""Input size, hidden size, layers, time steps, batch."""


def compare(module: ModuleType, cell: Cell) -> None:
    """Raise AssertionError where the exported module fails its self-check, or differs from the cell."""
    module.self_check()
    if hasattr(module, "KERNELS"):
        kernels = beside(Path(str(module.__file__)), ".so")
        assert not kernels.exists() or module.KERNELS is not None, f"{kernels.name} is built and not used"
    shown = tidy(cell)
    make = getattr(module, class_name(shown))
    for case, (input_size, hidden_size, layers, time, batch) in enumerate(SIZES):
        torch.manual_seed(case)
        hidden_size = cell.width_from(hidden_size)
        sizes, swapped = (input_size, hidden_size, layers), case == 1
        pair, exact = [
            (
                Recurrent(shown.cell, *sizes, batch_first=swapped, dtype=d, engine="interpreter"),
                make(*sizes, batch_first=swapped, dtype=d),
            )
            for d in (torch.float32, torch.float64)
        ]
        _copy(*pair)
        for layer, twin in zip(pair, exact, strict=True):
            twin.load_state_dict(layer.state_dict())
        x = torch.randn((batch, time, input_size) if swapped else (time, batch, input_size))
        states = [torch.randn(layers, batch, hidden_size) for _ in shown.cell.states] if case else []
        values = [_values(layer, x, states) for layer in pair]
        values += [_values(layer, x.double(), [state.double() for state in states]) for layer in exact]
        for ours, theirs, ours64, theirs64 in zip(*values, strict=True):
            check_close(theirs64, ours64, DOUBLE)
            check_close(theirs, ours, SINGLE, ERRORS * (ours - ours64).abs().max().item())


def _copy(layer: Recurrent, exported: torch.nn.Module) -> None:
    """Give the exported module the weights of a layer of the cell; all of them must find a place, and fill all."""
    names = names_of_export(layer.cell, layer.num_layers, 1)
    exported.load_state_dict({names[name]: weight.detach() for name, weight in layer.named_parameters()})


def _values(module: torch.nn.Module, x: Tensor, states: list[Tensor]) -> list[Tensor]:
    """Return the output, the last states, and the gradient at x of the sum of their squares."""
    read = x.clone().requires_grad_()
    output, final = module(read, (tuple(states) if len(states) > 1 else states[0]) if states else None)
    values = [output, *((final,) if isinstance(final, Tensor) else final)]
    total = torch.stack([value.square().sum() for value in values]).sum()
    if total.requires_grad:
        total.backward()
    gradient = torch.zeros_like(x) if read.grad is None else read.grad
    return [*(value.detach() for value in values), gradient]


def check_close(found: Tensor, expected: Tensor, tolerance: float, error: float = 0.0) -> None:
    """Raise AssertionError if two tensors differ; where float32 overflows there is nothing to compare.

    Args:
        found: What an export computes, of any shape.
        expected: What the layer does, of the same shape.
        tolerance: How far they may be apart, of the largest entry or of 1.
        error: How far anyway.
    """
    if not expected.isfinite().all() and expected.dtype == torch.float32:
        return
    finite = expected[expected.isfinite()].abs()
    scale = max(1.0, finite.max().item()) if finite.numel() else 1.0
    allowed = max(tolerance * scale, error)
    torch.testing.assert_close(found.double(), expected.double(), rtol=0.0, atol=allowed, equal_nan=True)


def check_folder(folder: str, count: int, compared: Callable[[ModuleType, Cell], None]) -> None:
    """Check all modules of a folder; the last line of a failure says which cell and why.

    Args:
        folder: Where they lie.
        count: How many.
        compared: Raises where a module is not its cell.
    """
    torch.set_num_threads(1)
    sys.path.insert(0, folder)
    for index in range(count):
        cell = Cell.parse(
            Path(folder, f"exported{index}.cell").read_text(encoding="utf-8"), f"exported{index}"
        )
        try:
            compared(importlib.import_module(f"exported{index}"), cell)
        except Exception as error:
            sys.exit(f"{cell.name}: {type(error).__name__}: {' '.join(str(error).split())}")


if __name__ == "__main__":
    check_folder(sys.argv[1], int(sys.argv[2]), compare)
