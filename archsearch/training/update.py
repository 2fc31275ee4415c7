"""How an update moves the weights: clip by the global norm, then AdamW or SGD, with torch's constants for all learners."""

from __future__ import annotations

from dataclasses import dataclass

BETAS = (0.9, 0.999)
"""How much of the moments AdamW keeps at each step (Loshchilov, Hutter 2019)."""

EPSILON = 1e-8
"""Added to AdamW's divisor."""

DECAY = 0.01
"""AdamW's decay of the weights, as a part of the rate."""

CLIP_EPSILON = 1e-6
"""Added to the norm that a gradient is clipped by."""


@dataclass(frozen=True, slots=True)
class UpdateRule:
    """What an update does.

    Attributes:
        adaptive: AdamW, else SGD.
        rate: Learning rate.
        clip: Largest global norm of the gradient.
        betas: See `BETAS`.
        epsilon: See `EPSILON`.
        decay: See `DECAY`.
        clip_epsilon: See `CLIP_EPSILON`.
    """

    adaptive: bool
    rate: float
    clip: float
    betas: tuple[float, float] = BETAS
    epsilon: float = EPSILON
    decay: float = DECAY
    clip_epsilon: float = CLIP_EPSILON
