"""The output layer of a stack with its cross entropy, some lanes at a time where the alphabet is large."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

LARGEST = 1 << 24
"""Logits that are held at once, where lanes can be parted so far."""


class Head:
    """Logits, losses and gradients of rows that are alike in all lanes.

    Args:
        symbols: Size of the alphabet, V; weights have more rows, of zeros.
        batch: The loss is divided by it.
        needed: How many lanes are; they come first, and runs of lanes that nobody needs are left out.
    """

    def __init__(self, symbols: int, batch: int, needed: int) -> None:
        self.symbols, self.batch, self.needed = symbols, batch, needed

    def chunks(self, top: Tensor, weight: Tensor) -> Iterator[slice]:
        """Yield runs of lanes, all equally long: how long follows from the stack's shape alone, so bits do too."""
        lanes, rows, _ = top.shape
        count = max(
            n
            for n in range(1, lanes + 1)
            if lanes % n == 0 and (n == 1 or n * rows * weight.shape[1] <= LARGEST)
        )
        yield from (slice(first, first + count) for first in range(0, self.needed, count))

    def log_probabilities(self, top: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return those of the symbols, [lanes, rows, V padded]; -inf in the padding."""
        logits = torch.baddbmm(bias.unsqueeze(1), top, weight.transpose(1, 2))
        logits[..., self.symbols :].fill_(-torch.inf)
        return logits.log_softmax(-1)

    def learn(
        self,
        top: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        scored: Tensor,
        dweight: Tensor,
        dbias: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return the losses, [R], and the gradient of `top`; fills those of the weights.

        Args:
            top: The last layer's output, [R, rows, H].
            weight: [R, V padded, H].
            bias: [R, V padded].
            targets: Symbols, [rows].
            scored: Where they count, bool [rows].
            dweight: Memory for the gradient.
            dbias: Memory for the gradient.
        """
        losses, dtop = top.new_zeros(top.shape[0]), torch.zeros_like(top)
        wanted = targets.unsqueeze(1) == torch.arange(weight.shape[1], device=top.device)
        for lanes in self.chunks(top, weight):
            found = self.log_probabilities(top[lanes], weight[lanes], bias[lanes])
            losses[lanes] = -self.picked(found, targets, scored) / self.batch
            delta = (found.exp_().sub_(wanted.to(found.dtype)) / self.batch).masked_fill_(
                ~scored.unsqueeze(1), 0
            )
            torch.bmm(delta.transpose(1, 2), top[lanes], out=dweight[lanes])
            dbias[lanes] = delta.sum(1)
            torch.bmm(delta, weight[lanes], out=dtop[lanes])
        return losses, dtop

    def judge(
        self, top: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, scored: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return how many answers of each lane are right, and the summed NLL, [R] each."""
        right, nll = top.new_zeros(2, top.shape[0], dtype=torch.float64)
        for lanes in self.chunks(top, weight):
            found = self.log_probabilities(top[lanes], weight[lanes], bias[lanes])
            right[lanes] = ((found.argmax(-1) == targets) & scored).sum(1).double()
            nll[lanes] = -self.picked(found, targets, scored).double()
        return right, nll

    def picked(self, found: Tensor, targets: Tensor, scored: Tensor) -> Tensor:
        """Return the sum of the targets' log probabilities in each lane."""
        rows = found.gather(-1, targets.view(1, -1, 1).expand(found.shape[0], -1, 1)).squeeze(-1)
        return rows.masked_fill(~scored, 0).sum(1)
