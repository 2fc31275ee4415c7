"""The shape of a stack, which decides its bits: it follows from one trial's width alone. No tensors here."""

from __future__ import annotations

LANES = {32: 32, 64: 32, 96: 32, 128: 32, 192: 20, 256: 20, 384: 8, 512: 8, 768: 4, 1024: 2, 1536: 2}
"""Padded width -> lanes of every stack of that width, needed or not; wider lanes fill a device sooner."""

VERSION = 1
"""Of this table; part of the engine's identity."""

MOST = max(LANES.values())
"""Lanes of the largest stack."""


def padded(n: int) -> int:
    """Return how wide a lane is for a trial of width n."""
    return next((width for width in LANES if width >= n), -(-n // 512) * 512)


def lanes(n: int) -> int:
    """Return how many lanes a stack has that holds a trial of width n."""
    return LANES.get(padded(n), 1)
