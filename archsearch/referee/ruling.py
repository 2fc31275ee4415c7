"""The ruling on a claim: what the pairs of every task say together.

"Better" needs every task (intersection-union: each at the full level, no correction over tasks), "worse" the same with the
cells exchanged. The fortunes are judged by their highest so far, which is what their level speaks of.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from archsearch.referee.bets import log_sign, log_t
from archsearch.referee.intervals import Interval, half_width, mean_interval

Array = NDArray[np.float64]

MOST_PAIRS = 100_000
"""Where a forecast of pairs ends."""


class Ruling(StrEnum):
    """What is said of A beside B."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference"
    NOT_TOLD_APART = "not told apart"


class Evidence(msgspec.Struct, frozen=True):
    """What the pairs of one task say.

    Attributes:
        wins: Pairs that A won.
        losses: Pairs that B won.
        ties: Pairs that nobody won.
        log_better: log of the highest fortune of sign bets so far on "A is better".
        log_worse: The same on "B is better".
        log_t: log of the highest fortune of the t-mixture so far, which takes either side.
        difference: Mean of d.
        interval: Of that mean, at the level of the claim.
    """

    wins: int
    losses: int
    ties: int
    log_better: float
    log_worse: float
    log_t: float
    difference: float
    interval: Interval


def evidence(values: Array, level: float) -> Evidence:
    """Return what the pairs of a task say.

    Args:
        values: d in the order of the pairs, of shape (pairs,).
        level: Of the claim.
    """
    wins, losses = np.cumsum(values > 0), np.cumsum(values < 0)
    return Evidence(
        wins=int((values > 0).sum()),
        losses=int((values < 0).sum()),
        ties=int((values == 0).sum()),
        log_better=float(np.max(log_sign(wins, losses), initial=0.0)),
        log_worse=float(np.max(log_sign(losses, wins), initial=0.0)),
        log_t=max((float(log_t(values[:n])) for n in range(2, len(values) + 1)), default=0.0),
        difference=float(values.mean()) if len(values) else 0.0,
        interval=mean_interval(values, level),
    )


def ruling(tasks: Mapping[str, Evidence], level: float, delta: float) -> Ruling:
    """Return what all tasks say together.

    Args:
        tasks: The evidence of each.
        level: Of the claim: the chance that "better" or "worse" is ever false is at most this, each.
        delta: Differences of skill up to this are none.
    """
    needed = -math.log(level)
    if all(task.log_better >= needed for task in tasks.values()):
        return Ruling.BETTER
    if all(task.log_worse >= needed for task in tasks.values()):
        return Ruling.WORSE
    if all(task.interval.within(delta) for task in tasks.values()):
        return Ruling.NO_DIFFERENCE
    return Ruling.NOT_TOLD_APART


def within_reach(tasks: Mapping[str, Array], pairs: int, level: float, delta: float) -> bool:
    """Return whether so many pairs on every task could still bring a ruling.

    For "better" and "worse" every pair to come is taken to be won by that cell; for "no difference" the pairs to come are
    taken to be as the known ones are, so it is a forecast. When to stop is free: no level depends on it.

    Args:
        tasks: d of the pairs so far, by task, each of shape (pairs,).
        pairs: The most of a task.
        level: Of the claim.
        delta: Differences of skill up to this are none.
    """
    known = {task: evidence(values, level) for task, values in tasks.items()}
    left = {task: max(0, pairs - len(values)) for task, values in tasks.items()}
    needed = -math.log(level)
    if all(
        log_sign(e.wins + left[t], e.losses) >= needed or e.log_better >= needed for t, e in known.items()
    ):
        return True
    if all(log_sign(e.losses + left[t], e.wins) >= needed or e.log_worse >= needed for t, e in known.items()):
        return True
    return all(
        _may_end_within(values, half_width(max(pairs, len(values)), level), delta)
        for values in tasks.values()
    )


def _may_end_within(values: Array, half: float, delta: float) -> bool:
    """Return whether an interval of so many standard deviations to either side would lie within -delta and delta."""
    if len(values) < 2:
        return math.isfinite(half)
    return bool(abs(values.mean()) + values.std(ddof=1) * half <= delta)


def pairs_needed(wins: int, losses: int, level: float) -> int | None:
    """Return how many pairs would settle a task if wins and losses went on in their proportion.

    Args:
        wins: Of A.
        losses: Of A.
        level: Of the claim.

    Returns:
        None where more than MOST_PAIRS would be needed, or nothing has been won by anybody.
    """
    if wins + losses == 0:
        return None
    share = max(wins, losses) / (wins + losses)
    n = np.arange(1, MOST_PAIRS + 1)
    won = np.floor(share * n)
    settled = np.flatnonzero(log_sign(won, n - won) >= -math.log(level))
    return int(n[settled[0]]) if len(settled) else None
