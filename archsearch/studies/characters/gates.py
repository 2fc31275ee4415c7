"""How often the gates of a model are shut or open: Karpathy et al. (2015).

A gate is any node of the cell that is a sigmoid. A unit of it is left-saturated where it is below 0.1, right-saturated where
it is above 0.9.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np
import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.tracing import LayerStates, trace
from archsearch.studies.characters.model import CharModel
from archsearch.studies.characters.reading import stretches
from archsearch.studies.characters.text import Bytes
from archsearch.tasks.task import Mask, Symbols

LEFT, RIGHT = 0.1, 0.9
"""Below the one a gate is left-saturated, above the other right-saturated."""

Values = list[dict[int, Tensor]]
"""For each layer the values of nodes by handle, each of shape (T, B, n)."""


class Saturation(msgspec.Struct, frozen=True):
    """One gate of one layer.

    Attributes:
        gate: Its name in the cell.
        layer: Which layer, from 1.
        left: For each unit the share of time in which it is left-saturated.
        right: The same for right-saturated.
    """

    gate: str
    layer: int
    left: list[float]
    right: list[float]


def gate_names(cell: Cell) -> dict[int, str]:
    """Return the name of each gate of the canonical form by its handle, `n7` where it has none."""
    nodes = (node for node in cell.canonical().ops if node.op == "sigmoid")
    return {node.handle: node.name or f"n{node.handle}" for node in nodes}


@torch.no_grad()
def watched(
    model: CharModel, text: Bytes, before: int, handles: Iterable[int]
) -> Iterator[tuple[Symbols, Mask, Values]]:
    """Yield stretches of a text: which symbol is to come next and whether it counts, (T, B) each, and the values of nodes.

    Args:
        model: What reads.
        text: Symbols, shape (length,).
        before: How many are only read.
        handles: The nodes, of the canonical form.
    """
    states: LayerStates | None = None
    wanted = tuple(handles)
    for stretch in stretches(text, before):
        values, _, states = trace(model.layers, model.one_hot(stretch.inputs), states, wanted)
        yield stretch.places, stretch.places >= 0, values


def saturations(model: CharModel, text: Bytes, before: int) -> list[Saturation]:
    """Return how often every unit of every gate is saturated.

    Args:
        model: What reads.
        text: Symbols, shape (length,).
        before: How many are only read.
    """
    names, layers = gate_names(model.layers.cell), model.layers.num_layers
    units = model.layers.hidden_size
    sums = {(handle, layer): np.zeros((2, units)) for handle in names for layer in range(layers)}
    total = 0
    for _, counts, values in watched(model, text, before, names):
        total += int(counts.sum())
        for (handle, layer), found in sums.items():
            rows = values[layer][handle].numpy()[counts]
            found += (rows < LEFT).sum(axis=0), (rows > RIGHT).sum(axis=0)
    return [
        Saturation(names[handle], layer + 1, *(found / total).tolist())
        for (handle, layer), found in sums.items()
    ]
