"""How much of a gradient is left after so many steps: the norm of dh_T / ds_t, a product of Jacobians.

    dh_T / ds_t = dh_T / ds_T  ds_T / ds_(T-1)  …  ds_(t+1) / ds_t

s are all states of the cell side by side, h the first of them, and the norm is the largest singular value: the most that
an error at h_T can grow on its way back to step t (Hochreiter 1991; Bengio, Simard and Frasconi 1994). A product that
is below what a number can hold is kept as its logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from archsearch.compiler import Recurrent

AT_ONCE = 8192
"""About as many rows of Jacobians are computed together."""
SMALL, LARGE = 2.0**-300, 2.0**300
"""Entries beyond these are brought back by a power of two, which changes no digit."""

Norms = dict[int, float | None]
"""Lag -> the logarithm of the norm, to the base 10; None where the gradient is zero or no number."""


def log_norms(layer: Recurrent, x: Tensor, lags: Iterable[int]) -> Norms:
    """Return log10 |dh_T / ds_(T - lag)| on one sequence, T its last step, in double precision.

    Args:
        layer: One layer, one direction.
        x: What it reads, shape (T, I).
        lags: At most T.
    """
    wanted, steps = set(lags), len(x)
    assert max(wanted, default=0) <= steps
    copy = Recurrent(
        layer.cell, layer.input_size, layer.hidden_size, engine="interpreter", dtype=torch.float64
    )
    copy.load_state_dict(layer.state_dict())
    rows = x.detach().double()
    states = _states(copy, rows)
    n, width = copy.hidden_size, states.shape[1]
    product, exponent = torch.eye(width, dtype=torch.float64)[:n], 0
    found: Norms = {0: 0.0} if 0 in wanted else {}
    chunk = max(AT_ONCE // width, 1)
    for end in range(steps, 0, -chunk):
        start = max(end - chunk, 0)
        for back, jacobian in enumerate(_jacobians(copy, rows[start:end], states[start:end]).flip(0), 1):
            product = product @ jacobian
            size = float(product.abs().max())
            if not 0 < size < math.inf:
                return found | {lag: None for lag in wanted - found.keys()}
            if not SMALL < size < LARGE:
                shift = math.frexp(size)[1]
                product, exponent = torch.ldexp(product, torch.tensor(-shift)), exponent + shift
            if (lag := steps - end + back) in wanted:
                norm = float(torch.linalg.matrix_norm(product, 2))
                found[lag] = math.log10(norm) + exponent * math.log10(2)
        if found.keys() >= wanted:
            break
    return found


def _states(layer: Recurrent, x: Tensor) -> Tensor:
    """Return all states before each step, side by side, shape (T, states times n)."""
    count = len(layer.cell.states)
    state = torch.zeros(count, layer.hidden_size, dtype=torch.float64)
    seen = []
    with torch.no_grad():
        for step in x:
            seen.append(state.flatten())
            state = _stepped(layer, step[None], state[:, None])[:, 0]
    return torch.stack(seen)


def _stepped(layer: Recurrent, x: Tensor, state: Tensor) -> Tensor:
    """Return the states after one step, the first one first, shape (states, B, n) as those before."""
    parts = tuple(part[None] for part in state)
    _, after = layer.step(x, parts if len(parts) > 1 else parts[0])
    return torch.cat(after if isinstance(after, tuple) else (after,))


def _jacobians(layer: Recurrent, x: Tensor, states: Tensor) -> Tensor:
    """Return ds' / ds of each step, shape (T, width, width): every row by the gradient of one entry of s'."""
    steps, width = states.shape
    before = states.repeat_interleave(width, 0).requires_grad_()
    by_state = before.unflatten(1, (len(layer.cell.states), -1)).transpose(0, 1)
    after = _stepped(layer, x.repeat_interleave(width, 0), by_state).transpose(0, 1).flatten(1)
    picked = after.unflatten(0, (steps, width)).diagonal(dim1=1, dim2=2)
    (rows,) = torch.autograd.grad(picked.sum(), before, materialize_grads=True)
    return rows.view(steps, width, width)
