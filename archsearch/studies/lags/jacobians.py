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
from archsearch.studies.step_jacobians import in_double, jacobians, spans, states_along

SMALL, LARGE = 2.0**-300, 2.0**300
"""Entries beyond these are brought back by a power of two, which changes no digit."""

Norms = dict[int, float | None]
"""Lag -> the logarithm of the norm, to the base 10; None where the gradient is zero or no number."""


def log_norms(layer: Recurrent, x: Tensor, lags: Iterable[int], of_all: bool = False) -> Norms:
    """Return log10 |dh_T / ds_(T - lag)| on one sequence, T its last step, in double precision.

    Args:
        layer: One layer, one direction.
        x: What it reads, shape (T, I).
        lags: At most T.
        of_all: Whether it is ds_T / ds_(T - lag), of all states at T.
    """
    wanted, steps = set(lags), len(x)
    assert max(wanted, default=0) <= steps
    copy, rows = in_double(layer), x.detach().double()
    states = states_along(copy, rows)
    width = states.shape[1]
    product, exponent = torch.eye(width, dtype=torch.float64)[: width if of_all else copy.hidden_size], 0
    found: Norms = {0: 0.0} if 0 in wanted else {}
    for span in reversed([*spans(steps, width)]):
        for back, jacobian in enumerate(jacobians(copy, rows[span], states[span]).flip(0), 1):
            product = product @ jacobian
            size = float(product.abs().max())
            if not 0 < size < math.inf:
                return found | {lag: None for lag in wanted - found.keys()}
            if not SMALL < size < LARGE:
                shift = math.frexp(size)[1]
                product, exponent = torch.ldexp(product, torch.tensor(-shift)), exponent + shift
            if (lag := steps - span.stop + back) in wanted:
                norm = float(torch.linalg.matrix_norm(product, 2))
                found[lag] = math.log10(norm) + exponent * math.log10(2)
        if found.keys() >= wanted:
            break
    return found
