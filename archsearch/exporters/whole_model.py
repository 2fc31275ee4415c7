"""A trained model over a whole sequence as a graph holds it: what is read, the layers, and what is said."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from archsearch.exporters.model import ModelEnds
from archsearch.exporters.over_time import OverTime
from archsearch.tasks.gaussian import LEAST_VARIANCE


class WholeModel(OverTime):
    """Layers with what stands around them.

    Attributes:
        embedding: A row for each symbol, or for each number that is read, shape (symbols or inputs, input_size).
        head: Shape (hidden_size, outputs).
        head_bias: Shape (outputs,).
        mean: Taken off what is read, shape (inputs,); None where nothing is.
        deviation: What it is divided by then.
        said_mean: Brings what is said back to its unit, shape (targets,); None where it has none.
        said_deviation: Multiplied before.
        has_variances: Whether the last outputs, as many as come before them, are logs of variances, which are said as such.
        read: What is read is called so.
        said: What is given is called so.
    """

    read, said = "inputs", "outputs"
    mean: Tensor | None
    deviation: Tensor | None
    said_mean: Tensor | None
    said_deviation: Tensor | None

    def __init__(self, module: nn.Module, ends: ModelEnds) -> None:
        super().__init__(module)
        self.embedding = nn.Parameter(torch.tensor(ends.embedding))
        self.head = nn.Parameter(torch.tensor(ends.head).T.contiguous())
        self.head_bias = nn.Parameter(torch.tensor(ends.bias))
        if not ends.inputs:
            self.read = "symbols"
        self.has_variances = ends.has_variances
        said_mean, said_deviation = zip(*ends.restored, strict=True) if ends.restored else ((), ())
        self.register_buffer("mean", _row(ends.mean))
        self.register_buffer("deviation", _row(ends.deviation))
        self.register_buffer("said_mean", _row(said_mean))
        self.register_buffer("said_deviation", _row(said_deviation))

    def forward(self, inputs: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Run over a sequence.

        Args:
            inputs: Symbols, int64 of shape (T, B), or numbers, shape (T, B, inputs); (B, T) with batch_first.
            states: What each state starts at, shape (layers, B, n).

        Returns:
            What is said, shape (T, B, outputs), or batch first, and every state after the last step.
        """
        output, *finals = super().forward(self._embedded(inputs), *states)
        said = output @ self.head + self.head_bias
        if self.said_mean is not None and self.said_deviation is not None:
            said = self._restored(said, self.said_mean, self.said_deviation)
        return said, *finals

    def _restored(self, said: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
        """Return what is said in its units."""
        if not self.has_variances:
            return said * deviation + mean
        means, log_variances = said[..., : len(mean)], said[..., len(mean) :]
        variances = log_variances.clamp(min=math.log(LEAST_VARIANCE)).exp() * deviation.square()
        return torch.cat((means * deviation + mean, variances), -1)

    def _embedded(self, inputs: Tensor) -> Tensor:
        """Return x, shape (T, B, input_size)."""
        if self.read == "symbols":
            return nn.functional.embedding(inputs, self.embedding)
        if self.mean is not None and self.deviation is not None:
            inputs = (inputs - self.mean) / self.deviation
        return inputs @ self.embedding

    def example(self, sizes: tuple[int, int], input_size: int) -> Tensor:
        """Return what is read in an example of two sizes: zeros, shape (*sizes,), or (*sizes, inputs).

        Args:
            sizes: Time and batch, or the other way round.
            input_size: Width of x, which is not read here.
        """
        if self.read == "symbols":
            return torch.zeros(sizes, dtype=torch.int64)
        return torch.zeros(*sizes, len(self.embedding))


def _row(numbers: Sequence[float]) -> Tensor | None:
    return torch.tensor(numbers) if numbers else None
