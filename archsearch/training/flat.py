"""The parameters of a whole model in one flat buffer, which an optimiser passes over once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.parameters import learned, reached_from, reached_parameters

ALIGNED = 16
"""Parameters begin at multiples of so many numbers; what lies between stays zero."""


@dataclass(frozen=True, slots=True)
class FlatParameter:
    """One parameter's place.

    Attributes:
        name: As in the torch model; `output` is its `weight` with its `bias` as the last column.
        shape: Its shape.
        start: Where it begins in the buffer.
    """

    name: str
    shape: tuple[int, ...]
    start: int

    @property
    def end(self) -> int:
        """Where the next one may begin."""
        return self.start + -(-torch.Size(self.shape).numel() // ALIGNED) * ALIGNED


def flat_layout(cell: Cell, symbols: int, width: int, layers: int) -> tuple[list[FlatParameter], int]:
    """Return embedding, output and each layer's parameters in canonical order, and how far a gradient reaches in the buffer.

    What no gradient reaches, behind a `stop`, lies at its end: torch's optimisers leave it as it is, even what AdamW would
    let decay.

    Args:
        cell: The cell of every layer, in canonical form.
        symbols: Size of the alphabet, V.
        width: n of embedding and layers.
        layers: How many.
    """
    below = cell.x.handle in reached_from(cell, [cell.output])
    reached = reached_parameters(cell, [cell.output])
    rows: list[tuple[str, tuple[int, ...], bool]] = [("embedding", (symbols, width), below)]
    rows.append(("output", (symbols, width + 1), True))
    for layer in range(layers):
        for item in learned(cell, width, width):
            moves = item.name in reached and (below or layer == layers - 1)
            rows.append((f"layers.{item.title}_l{layer}", item.shape, moves))
    placed: dict[str, FlatParameter] = {}
    end = moved = 0
    for reach in (True, False):
        for name, shape, _ in (row for row in rows if row[2] == reach):
            placed[name] = FlatParameter(name, shape, end)
            end = placed[name].end
        moved = end if reach else moved
    return [placed[name] for name, _, _ in rows], moved


def flat_views(flat: Tensor, layout: Sequence[FlatParameter]) -> tuple[dict[str, Tensor], list[int]]:
    """Return the parameters of a buffer, shape (P,), by the torch model's names, and where each begins in memory."""
    views: dict[str, Tensor] = {}
    for parameter in layout:
        size = torch.Size(parameter.shape).numel()
        view = flat[parameter.start : parameter.start + size].view(parameter.shape)
        if parameter.name == "output":
            views |= {"weight": view[:, :-1], "bias": view[:, -1]}
        else:
            views[parameter.name] = view
    return views, [flat.data_ptr() + parameter.start * flat.element_size() for parameter in layout]
