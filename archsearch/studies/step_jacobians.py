"""The states of a layer along a sequence, and the Jacobian of each step: the derivative of its states by those before.

All states of the cell stand side by side, s, in the order in which they are written, and everything is in double precision.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from archsearch.compiler import Recurrent

AT_ONCE = 8192
"""About as many rows of Jacobians are computed together."""


def in_double(layer: Recurrent) -> Recurrent:
    """Return a copy of a layer, of one cell and direction, that computes in double precision."""
    copy = Recurrent(
        layer.cell, layer.input_size, layer.hidden_size, engine="interpreter", dtype=torch.float64
    )
    copy.load_state_dict(layer.state_dict())
    return copy


def states_along(layer: Recurrent, x: Tensor) -> Tensor:
    """Return the states before each step, the first ones zeros, and after the last, shape (T + 1, width).

    Args:
        layer: In double precision.
        x: What it reads, shape (T, I).
    """
    seen = [torch.zeros(len(layer.cell.states) * layer.hidden_size, dtype=torch.float64)]
    with torch.no_grad():
        for step in x:
            seen.append(after_step(layer, step[None], seen[-1][None])[0])
    return torch.stack(seen)


def after_step(layer: Recurrent, x: Tensor, states: Tensor) -> Tensor:
    """Return the states after one step of each of B sequences, shape (B, width).

    Args:
        layer: In double precision.
        x: What each reads, shape (B, I).
        states: Those before, shape (B, width).
    """
    parts = states.unflatten(1, (len(layer.cell.states), -1)).transpose(0, 1)[:, None].unbind()
    _, after = layer.step(x, parts if len(parts) > 1 else parts[0])
    return torch.cat(after if isinstance(after, tuple) else (after,)).transpose(0, 1).flatten(1)


def jacobians(layer: Recurrent, x: Tensor, states: Tensor) -> Tensor:
    """Return ds' / ds of each step, shape (T, width, width): every row by the gradient of one entry of s'.

    Args:
        layer: In double precision.
        x: What it reads at each step, shape (T, I).
        states: Those before each, shape (T, width).
    """
    steps, width = states.shape
    before = states.detach().requires_grad_()
    with torch.enable_grad():
        after = after_step(layer, x, before)
    entries = torch.eye(width, dtype=torch.float64)[:, None].expand(width, steps, width)
    (rows,) = torch.autograd.grad(after, before, entries, is_grads_batched=True, allow_unused=True)
    return torch.zeros_like(entries).transpose(0, 1) if rows is None else rows.transpose(0, 1)


def spans(steps: int, width: int) -> Iterator[slice]:
    """Yield the parts of a sequence, in order, whose Jacobians are computed together.

    Args:
        steps: T.
        width: Of all states.
    """
    chunk = max(AT_ONCE // width, 1)
    for start in range(0, steps, chunk):
        yield slice(start, min(start + chunk, steps))
