"""Dropout that depends on a lane's own seed, the step and the place in the row, never on the lane or its neighbours.

The numbers come from a counter through a 32-bit mixing function (C. Wellons, "Prospecting for hash functions", 2018:
lowbias32), so that nothing is remembered between steps and all of it can be captured in a graph.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

MASK = 0xFFFFFFFF
FURTHEST = 4096
"""Places of a row; wider than any lane."""


def mix(number: Tensor) -> Tensor:
    """Return 32 bits that look like chance, from 32 bits; both int64, of any shape."""
    number = ((number ^ (number >> 16)) * 0x7FEB352D) & MASK
    number = ((number ^ (number >> 15)) * 0x846CA68B) & MASK
    return number ^ (number >> 16)


class Dropout:
    """Drops entries of activations, shape (R, T, B, H).

    Args:
        seeds: One per lane.
        rates: Probability of zeroing an entry, one per lane.
        like: A tensor of the type and on the device of all others.

    Attributes:
        acts: Whether any lane drops anything.
        low: The lower 32 bits of the seeds, shape (R, 1, 1, 1).
        high: The higher ones, alike.
        rates: As given, alike.
        threshold: Smaller numbers of 32 bits are dropped, alike.
        scale: What the rest is multiplied by, alike.
    """

    def __init__(self, seeds: Sequence[int], rates: Sequence[float], like: Tensor) -> None:
        self.acts = any(rates)
        low, high = ([(seed >> shift) & MASK for seed in seeds] for shift in (0, 32))
        self.low, self.high = (
            torch.tensor(part, device=like.device).view(-1, 1, 1, 1) for part in (low, high)
        )
        self.rates = torch.tensor(rates, dtype=torch.float64, device=like.device).view(-1, 1, 1, 1)
        self.threshold = (self.rates * 2.0**32).long()
        self.scale = torch.where(self.rates < 1, 1 / (1 - self.rates), 0.0).to(like.dtype)

    def dropped(self, site: int, step: Tensor, shape: Sequence[int]) -> Tensor | None:
        """Return which entries are zeroed, bool [R, T, B, H]; None if no lane drops any.

        Args:
            site: Which layer's output; each has its own chance.
            step: The number of the training step, [1].
            shape: R, T, B, H.
        """
        if not self.acts:
            return None
        _, steps, batch, width = shape
        device = self.low.device
        rows = torch.arange(steps * batch, device=device).view(1, steps, batch, 1)
        place = rows * FURTHEST + torch.arange(width, device=device)
        key = mix((self.low + mix((step.long() * 2 + 1) & MASK) + site * 0x9E3779B9) & MASK)
        return mix((mix((place + key) & MASK) + self.high) & MASK) < self.threshold

    def apply(self, values: Tensor, dropped: Tensor | None) -> Tensor:
        """Return values, or their gradients, without what is dropped, the rest made larger; shape (R, T, B, H)."""
        return values if dropped is None else (values * self.scale).masked_fill_(dropped, 0)
