"""The numbers at which what a layer learns starts."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from archsearch.cell.ops import UGI
from archsearch.compiler.blocks import diagonals
from archsearch.compiler.parameters import Learned


@torch.no_grad()
def draw_start(
    parameters: Iterable[tuple[Learned, Tensor]], scale: float, generator: torch.Generator | None
) -> None:
    """Write the numbers at which one layer in one direction starts into its parameters, in their order.

    Args:
        parameters: What is learned, each with its parameter: a matrix (n, fan_in) or a vector (n,).
        scale: Factor of the bound 1 / sqrt(n) of what is drawn.
        generator: A generator on the CPU; torch's global one if None.
    """
    gates: Tensor | None = None
    for item, parameter in parameters:
        width = item.shape[0]
        if item.start is None:
            drawn = torch.empty(item.shape, dtype=torch.float32, device="cpu")
            bound = scale / math.sqrt(width)
            parameter.copy_(drawn.uniform_(-bound, bound, generator=generator))
            if item.diagonal:
                diagonals(parameter, item.heads).add_(item.diagonal)
        elif abs(item.start) == UGI:
            gates = _spread_gates(width, generator) if gates is None else gates
            parameter.copy_(math.copysign(1.0, item.start) * gates)
        else:
            parameter.fill_(item.start)


def _spread_gates(n: int, generator: torch.Generator | None) -> Tensor:
    """Return biases of n units under which a sigmoid is spread evenly from 1/n to 1 - 1/n (Gu et al. 2020)."""
    least = 1 / max(n, 2)
    return torch.logit(torch.empty(n).uniform_(least, 1 - least, generator=generator))
