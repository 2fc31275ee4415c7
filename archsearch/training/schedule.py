"""Schedules of the learning rate, told after every epoch whether validation improved."""

from __future__ import annotations

from collections.abc import Callable

Schedule = Callable[[bool], float | None]
"""Takes whether the epoch improved; returns the next epoch's rate, or None to stop."""

PATIENCE = 3
HALVINGS = 4


def constant(rate: float) -> Schedule:
    """Keep the rate."""
    return lambda improved: rate


def halving(rate: float) -> Schedule:
    """After 3 consecutive epochs without improvement halve the rate at each of 4 more epochs, then stop.

    Jozefowicz et al. 2015, section 3.6 (docs/measuring.md, "Schedule").
    """
    waited, halved = 0, 0

    def after(improved: bool) -> float | None:
        nonlocal waited, halved
        waited = 0 if improved else waited + 1
        if halved or waited >= PATIENCE:
            halved += 1
        return None if halved > HALVINGS else rate * 0.5**halved

    return after


def patient(schedule: Schedule, patience: int) -> Schedule:
    """Stop besides, and for good, after so many consecutive epochs without improvement.

    Args:
        schedule: Says the rate until then.
        patience: How many, at least 1.
    """
    waited = 0

    def after(improved: bool) -> float | None:
        nonlocal waited
        waited = 0 if improved and waited < patience else waited + 1
        rate = schedule(improved)
        return None if waited >= patience else rate

    return after


SCHEDULES: dict[str, Callable[[float], Schedule]] = {"constant": constant, "halving": halving}
