"""The model that a trial trains: an embedding, layers of one cell, and an output layer over the alphabet.

Real numbers are read by as many rows of the embedding as a matrix, and predicted by as many outputs, or by twice as many
with the logs of their variances.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.compiler.engine_names import INTERPRETER
from archsearch.protocol.settings import Setting


class Model(nn.Module):
    """Predicts the next symbol; its parameters are counted as V·n + layers + n·V + V (docs/measuring.md, "Parameters").

    Args:
        cell: The cell of every layer.
        symbols: Size of the alphabet, V.
        n: Width of every layer.
        setting: Layers, dropout and initial scale.
        generator: Draws the initial weights.
        engine: What runs the layers; None as for `Recurrent`.
        x_width: Width of the embedding; 0 for n.

    Attributes:
        embedding: Shape (V, x_width or n).
        layers: Of the cell.
        weight: Of the output layer, shape (V, n).
        bias: Of the output layer, shape (V,).
        dropout: Before the output layer; `layers` has its own between them.
    """

    def __init__(
        self,
        cell: Cell,
        symbols: int,
        n: int,
        setting: Setting,
        generator: torch.Generator,
        engine: str | None = INTERPRETER.name,
        x_width: int = 0,
    ) -> None:
        super().__init__()
        wide = x_width or n
        self.embedding = nn.Parameter(torch.empty(symbols, wide))
        between = setting.dropout if setting.layers > 1 else 0.0
        self.layers = Recurrent(cell, wide, n, num_layers=setting.layers, dropout=between, engine=engine)
        self.weight = nn.Parameter(torch.empty(symbols, n))
        self.bias = nn.Parameter(torch.zeros(symbols))
        self.dropout = nn.Dropout(setting.dropout)
        bound = setting.scale / n**0.5
        with torch.no_grad():
            for matrix in (self.embedding, self.weight):
                matrix.uniform_(-bound, bound, generator=generator)
        self.layers.reset_parameters(scale=setting.scale, generator=generator)

    def forward(self, symbols: Tensor, state: Any, reset: Tensor | None) -> tuple[Tensor, Any]:
        """Return the logits, shape (T, B, V), and the state after the last step.

        Args:
            symbols: Input symbols, shape (T, B); or real numbers, shape (T, B, at most V).
            state: What the last window left, or None for zeros.
            reset: Where states are zeroed before the step, shape (T, B), or None.
        """
        x = self.read(symbols)
        output, state = self.layers(x, state, reset=reset)
        return nn.functional.linear(self.dropout(output), self.weight, self.bias), state

    def read(self, inputs: Tensor) -> Tensor:
        """Return x, shape (T, B, n), for inputs as `forward` takes them."""
        if inputs.is_floating_point():
            return inputs @ self.embedding[: inputs.shape[-1]]
        return nn.functional.embedding(inputs, self.embedding)


def detached(state: Any) -> Any:
    """Return the state cut off from the graph that made it."""
    return state.detach() if isinstance(state, Tensor) else tuple(part.detach() for part in state)
