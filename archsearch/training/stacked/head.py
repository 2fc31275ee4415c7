"""The output layer of a stack with its cross entropy, some lanes at a time where the alphabet is large."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

LARGEST = 1 << 24
"""Logits that are held at once, where lanes can be parted so far."""


@dataclass(frozen=True, slots=True)
class OutputLayer:
    """The output layers of all lanes, or memory for their gradients.

    Attributes:
        weight: Shape (R, V padded, H).
        bias: Shape (R, V padded).
    """

    weight: Tensor
    bias: Tensor


class Head:
    """Logits, losses and gradients of rows that are alike in all lanes.

    Args:
        symbols: Size of the alphabet, V; weights have more rows, of zeros.
        batch: The loss is divided by it.
        needed: How many lanes are; they come first, and runs of lanes that nobody needs are left out.

    Attributes:
        symbols: As given.
        batch: As given.
        needed: As given.
    """

    def __init__(self, symbols: int, batch: int, needed: int) -> None:
        self.symbols, self.batch, self.needed = symbols, batch, needed

    def chunks(self, top: Tensor, padded_symbols: int) -> Iterator[slice]:
        """Yield runs of lanes, all equally long: how long follows from the stack's shape alone, so bits do too.

        Args:
            top: The last layer's output, shape (R, rows, H).
            padded_symbols: How many logits each row has.
        """
        lanes, rows, _ = top.shape
        divisors = (count for count in range(1, lanes + 1) if lanes % count == 0)
        count = max(count for count in divisors if count == 1 or count * rows * padded_symbols <= LARGEST)
        yield from (slice(first, first + count) for first in range(0, self.needed, count))

    def logits(self, top: Tensor, output: OutputLayer, lanes: slice) -> Tensor:
        """Return those of all rows, shape (lanes, rows, V padded).

        Args:
            top: The last layer's output, shape (R, rows, H).
            output: The output layer.
            lanes: Of which lanes.
        """
        bias, weight = output.bias[lanes].unsqueeze(1), output.weight[lanes].transpose(1, 2)
        return torch.baddbmm(bias, top[lanes], weight)

    def log_probabilities(self, top: Tensor, output: OutputLayer, lanes: slice) -> Tensor:
        """Return those of the symbols, shape (lanes, rows, V padded); -inf in the padding.

        Args:
            top: The last layer's output, shape (R, rows, H).
            output: The output layer.
            lanes: Of which lanes.
        """
        logits = self.logits(top, output, lanes)
        logits[..., self.symbols :].fill_(-torch.inf)
        return logits.log_softmax(-1)

    def learn(
        self, top: Tensor, output: OutputLayer, gradient: OutputLayer, targets: Tensor, scored: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the losses, shape (R,), and the gradient of `top`; fills that of the output layer.

        Args:
            top: The last layer's output, shape (R, rows, H).
            output: The output layer.
            gradient: Memory for its gradient.
            targets: Symbols, shape (rows,).
            scored: Where they count, bool, shape (rows,).
        """
        losses, dtop = top.new_zeros(top.shape[0]), torch.zeros_like(top)
        padded_symbols = output.weight.shape[1]
        is_target = targets.unsqueeze(1) == torch.arange(padded_symbols, device=top.device)
        for lanes in self.chunks(top, padded_symbols):
            logs = self.log_probabilities(top, output, lanes)
            losses[lanes] = -self.picked(logs, targets, scored) / self.batch
            delta = logs.exp_().sub_(is_target.to(logs.dtype)) / self.batch
            delta = delta.masked_fill_(~scored.unsqueeze(1), 0)
            torch.bmm(delta.transpose(1, 2), top[lanes], out=gradient.weight[lanes])
            gradient.bias[lanes] = delta.sum(1)
            torch.bmm(delta, output.weight[lanes], out=dtop[lanes])
        return losses, dtop

    def judge(self, top: Tensor, output: OutputLayer, targets: Tensor, scored: Tensor, score: Tensor) -> None:
        """Add each lane's right answers and its NLL to the score.

        Args:
            top: The last layer's output, shape (R, rows, H).
            output: The output layer.
            targets: Symbols, shape (rows,).
            scored: Where they count, bool, shape (rows,).
            score: Right answers and summed NLL, float64, shape (R, 2).
        """
        for lanes in self.chunks(top, output.weight.shape[1]):
            logs = self.log_probabilities(top, output, lanes)
            score[lanes, 0].add_(((logs.argmax(-1) == targets) & scored).sum(1))
            score[lanes, 1].sub_(self.picked(logs, targets, scored))

    def picked(self, logs: Tensor, targets: Tensor, scored: Tensor) -> Tensor:
        """Return the sum of the targets' log probabilities in each lane, shape (lanes,).

        Args:
            logs: Log probabilities, shape (lanes, rows, V padded).
            targets: Symbols, shape (rows,).
            scored: Where they count, bool, shape (rows,).
        """
        rows = logs.gather(-1, targets.view(1, -1, 1).expand(logs.shape[0], -1, 1)).squeeze(-1)
        return rows.masked_fill(~scored, 0).sum(1)
