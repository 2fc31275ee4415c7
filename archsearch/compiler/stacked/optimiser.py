"""One update of all lanes: global norm, clip, SGD or AdamW as in torch, each lane with its own rate and clip."""

from __future__ import annotations

import torch
from torch import Tensor

BETAS = 0.9, 0.999
EPSILON = 1e-8
DECAY = 0.01
CLIP_EPSILON = 1e-6
"""Torch's defaults."""


class Optimiser:
    """Keeps what an optimiser remembers of a stack; nothing here leaves the device.

    Args:
        flat: All weights, [R, P].
        adaptive: AdamW, else SGD.
        clips: The largest global norm of each lane's gradient, [R, 1].
        reached: 1 where weights decay, [P].
    """

    def __init__(self, flat: Tensor, adaptive: bool, clips: Tensor, reached: Tensor) -> None:
        self.flat, self.adaptive, self.clips = flat, adaptive, clips
        self.decay = reached * DECAY
        self.moments = [torch.zeros_like(flat) for _ in range(2 if adaptive else 0)]

    def norm(self, gradient: Tensor) -> Tensor:
        """Return the global norm of each lane's gradient, [R, 1]; padding is zero."""
        return gradient.square().sum(1, keepdim=True).sqrt()

    def update(self, gradient: Tensor, norm: Tensor, rates: Tensor, step: Tensor, alive: Tensor) -> None:
        """Move the weights of the lanes that are alive, and leave every bit of the others.

        Args:
            gradient: [R, P]; written over.
            norm: Of the gradient, [R, 1].
            rates: The learning rates, [R, 1].
            step: The number of this update, from 1; float64, [1].
            alive: Bool [R, 1].
        """
        gradient.mul_((self.clips / (norm + CLIP_EPSILON)).clamp(max=1.0))
        if not self.adaptive:
            self.flat.copy_(torch.where(alive, self.flat - rates * gradient, self.flat))
            return
        first, second = self.moments
        first.copy_(torch.where(alive, torch.lerp(first, gradient, 1 - BETAS[0]), first))
        second.copy_(torch.where(alive, BETAS[1] * second + (1 - BETAS[1]) * gradient.square(), second))
        corrections = [(1 - beta**step).to(gradient.dtype) for beta in BETAS]
        root = second.sqrt() / corrections[1].sqrt() + EPSILON
        moved = self.flat * (1 - rates * self.decay) - rates / corrections[0] * (first / root)
        self.flat.copy_(torch.where(alive, moved, self.flat))
