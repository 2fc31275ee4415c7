"""The model that an export of a given size holds: its sizes and, where it was trained, its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archsearch.cell import Cell

SIZES = ((5, 8, 2), (8, 8, 1))
"""Input size, hidden size and layers that a file without weights is tried at."""


def sizes_for(cell: Cell) -> tuple[tuple[int, int, int], ...]:
    """Return the same for a cell: where it has heads, as wide as these ask for."""
    return tuple((inputs, cell.width_from(hidden), layers) for inputs, hidden, layers in SIZES)


@dataclass(frozen=True, slots=True)
class ModelEnds:
    """What stands before and behind the layers of a trained model.

    Attributes:
        inputs: How many real numbers it reads at a step; 0 where it reads a symbol.
        embedding: A row for each symbol, or for each number, shape (symbols or inputs, input_size).
        head: Shape (outputs, hidden_size).
        bias: Of the head, shape (outputs,).
        mean: Taken off each input; empty for none.
        deviation: What each is divided by then.
        restored: For each output the mean and deviation that bring it back to its unit; empty where it has none.
        has_variances: Whether the head has as many outputs more behind these, the logs of their variances.
    """

    inputs: int
    embedding: Any
    head: Any
    bias: Any
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    restored: tuple[tuple[float, float], ...] = ()
    has_variances: bool = False

    @property
    def said(self) -> str:
        """What an output is, for people."""
        if not self.restored:
            return "logits"
        what = (
            "predictions, first their means and then their variances,"
            if self.has_variances
            else "predictions"
        )
        return f"{what} in the units of the file"


@dataclass(frozen=True, slots=True)
class SizedModel:
    """Sizes and weights.

    Attributes:
        input_size: Width of x, I.
        hidden_size: Width of every state, n.
        num_layers: Layers, each reading the output of the one before.
        bias: Whether the linear maps have biases.
        bidirectional: Whether every layer also reads backwards.
        batch_first: Whether sequences are (batch, time, width) instead of (time, batch, width).
        weights: Arrays by their names in the exported class, `layers.0.W_r_x`; empty where nothing was trained.
        ends: What stands around the layers; None for layers alone.
    """

    input_size: int = 64
    hidden_size: int = 128
    num_layers: int = 1
    bias: bool = True
    bidirectional: bool = False
    batch_first: bool = False
    weights: Mapping[str, Any] = field(default_factory=dict)
    ends: ModelEnds | None = None
