"""The character model: layers of one cell that read symbols one-hot, and an output layer over the alphabet."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.compiler.engines import default_engine


class CharModel(nn.Module):
    """Predicts the next symbol.

    Attributes:
        symbols: V.
        layers: Of the cell.
        weight: Of the output layer, shape (V, n).
        bias: Of the output layer, shape (V,).
    """

    def __init__(
        self,
        cell: Cell,
        symbols: int,
        units: int,
        layers: int,
        engine: str | None = None,
    ) -> None:
        """Lay it out; `draw` gives it initial weights.

        Args:
            cell: The cell of every layer.
            symbols: V.
            units: Width of every layer, n.
            layers: How many.
            engine: What runs the layers; the processor's own if None.
        """
        super().__init__()
        made = engine or default_engine("cpu")
        self.symbols = symbols
        self.layers = Recurrent(cell, symbols, units, num_layers=layers, engine=made)
        self.weight = nn.Parameter(torch.zeros(symbols, units))
        self.bias = nn.Parameter(torch.zeros(symbols))

    @torch.no_grad()
    def draw(self, bound: float, generator: torch.Generator) -> None:
        """Draw all matrices from U(-bound, bound); biases start at their constants.

        Args:
            bound: The bound.
            generator: Where they come from.
        """
        self.layers.reset_parameters(scale=bound * self.layers.hidden_size**0.5, generator=generator)
        self.weight.uniform_(-bound, bound, generator=generator)
        self.bias.zero_()

    def forward(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return the logits, shape (T, B, V), and the state after the last step.

        Args:
            inputs: Symbols, int64, shape (T, B).
            state: What the window before left, or None for zeros.
        """
        hidden, state = self.layers(self.one_hot(inputs), state)
        return self.logits(hidden), state

    def one_hot(self, inputs: Tensor) -> Tensor:
        """Return symbols, shape (T, B), as the layers read them, shape (T, B, V)."""
        return nn.functional.one_hot(inputs, self.symbols).to(self.weight.dtype)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits, shape (T, B, V), of the last layer's output, shape (T, B, n)."""
        return nn.functional.linear(hidden, self.weight, self.bias)

    @property
    def parameter_total(self) -> int:
        """How many numbers it learns."""
        return sum(parameter.numel() for parameter in self.parameters())
