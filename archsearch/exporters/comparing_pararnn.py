"""Compares modules for pararnn with their cells: `python -m archsearch.exporters.comparing_pararnn FOLDER COUNT`.

FOLDER is as in `comparing`. A step must be the layer's, and its Jacobian the one that torch finds by automatic
differentiation of the layer; where pararnn is installed, its own test must agree too.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.exporters.comparing import DOUBLE, ERRORS, SINGLE, check_close, check_folder
from archsearch.exporters.module_names import class_name
from archsearch.exporters.tidy import tidy
from archsearch.exporters.weights import names_of_export

SIZES = ((5, 8, 3), (8, 8, 1), (9, 6, 2))
"""Input size, hidden size, batch."""

STEPS = 6
"""Of the sequence that pararnn is tried on. So many Newton steps bring any cell to its end, as no state reaches further."""


def compare_pararnn(module: ModuleType, cell: Cell) -> None:
    """Raise AssertionError where a module for pararnn differs from its cell."""
    make = getattr(module, class_name(tidy(cell)))
    for case, (input_size, width, batch) in enumerate(SIZES):
        sizes = (input_size, cell.width_from(width), batch)
        torch.manual_seed(case)
        layers, twins = zip(
            *(_pair(cell, make, sizes, d) for d in (torch.float32, torch.float64)), strict=True
        )
        layers[1].load_state_dict(layers[0].state_dict())
        twins[1].load_state_dict(twins[0].state_dict())
        x = torch.randn(sizes[2], sizes[0], dtype=torch.float64)
        state = torch.randn(sizes[2], len(tidy(cell).cell.states), sizes[1], dtype=torch.float64)
        exact, single = _next(layers[1], state, x), _next(layers[0], state.float(), x.float())
        given = state if state.size(1) > 1 else state[:, 0]
        found = twins[1].step(given, x)
        check_close(_slots(found, state), exact, DOUBLE)
        error = ERRORS * (single - exact).abs().max().item()
        check_close(_slots(twins[0].step(given.float(), x.float()), state), single, SINGLE, error)
        if hasattr(twins[1], "step_with_jacobian"):
            beside, jacobian = twins[1].step_with_jacobian(given, x)
            check_close(beside, found, DOUBLE)
            check_close(_whole(jacobian, state), _jacobian(layers[1], state, x), DOUBLE)
        agree(twins[1], sizes[0])


def _pair(
    cell: Cell, make: Any, sizes: tuple[int, int, int], dtype: torch.dtype
) -> tuple[Recurrent, nn.Module]:
    """Return a layer of a cell and the module for pararnn with its weights."""
    layer = Recurrent(tidy(cell).cell, *sizes[:2], dtype=dtype, engine="interpreter")
    twin: nn.Module = make(*sizes[:2], dtype=dtype)
    names = names_of_export(layer.cell, 1, 1)
    weights = {
        names[name].removeprefix("layers.0."): each.detach() for name, each in layer.named_parameters()
    }
    twin.load_state_dict(weights)
    return layer, twin


def _next(layer: Recurrent, state: Tensor, x: Tensor) -> Tensor:
    """Return a layer's states after one step, shape (B, states, n), as those before it; x (B, I)."""
    given = tuple(each.unsqueeze(0) for each in state.unbind(1))
    _, after = layer.step(x, given if len(given) > 1 else given[0])
    return torch.stack([each.squeeze(0) for each in ((after,) if isinstance(after, Tensor) else after)], 1)


def _jacobian(layer: Recurrent, state: Tensor, x: Tensor) -> Tensor:
    """Return the derivative of a layer's states by those before, shape (B, states, n, states, n)."""

    def after(state: Tensor, x: Tensor) -> Tensor:
        return _next(layer, state.unsqueeze(0), x.unsqueeze(0)).squeeze(0)

    found: Tensor = vmap(jacrev(after))(state, x)
    return found


def _slots(found: Tensor, state: Tensor) -> Tensor:
    return found.reshape(state.shape)


def _whole(jacobian: Tensor, state: Tensor) -> Tensor:
    """Return a Jacobian of units by themselves, (B, n) or (B, states, states, n), as `_jacobian` does."""
    batch, count, width = state.shape
    return torch.diag_embed(jacobian.reshape(batch, count, count, width)).transpose(2, 3)


def agree(cell: nn.Module, input_size: int) -> None:
    """Raise where pararnn, if it is installed, finds something else in parallel than step by step.

    Args:
        cell: The module, in float64.
        input_size: Width of its x.

    Raises:
        RuntimeError: It does; the package says how far the two are apart.
    """
    try:
        pararnn: Any = importlib.import_module("pararnn")
    except ImportError:
        return
    x = torch.randn(2, STEPS, input_size, dtype=torch.float64)
    config = pararnn.NewtonConfig(max_iters=STEPS, residual_fail=None)
    pararnn.verify_agreement(cell, x, config=config, raise_on_fail=True)


if __name__ == "__main__":
    check_folder(sys.argv[1], int(sys.argv[2]), compare_pararnn)
