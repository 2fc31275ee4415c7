"""Confidence sequences: intervals that hold the truth at every number of pairs at once.

Each is a family of bets turned round: the values that no fortune has yet refuted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsearch.referee.bets import EFFECT_VARIANCE, log_sign

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """Where the truth lies.

    Attributes:
        low: The lower bound, -inf as long as there is none.
        high: The upper bound.
    """

    low: float
    high: float

    def within(self, delta: float) -> bool:
        """Return whether all of it lies within -delta and delta."""
        return -delta <= self.low and self.high <= delta


def mean_interval(values: Array, alpha: float) -> Interval:
    """Return the confidence sequence of the mean of d by the t-mixture; it assumes roughly normal pairs.

    Args:
        values: d, of shape (pairs,).
        alpha: The chance that it ever misses.
    """
    n = len(values)
    half = float(values.std(ddof=1)) * half_width(n, alpha) if n > 1 else math.inf
    middle = float(values.mean()) if n else 0.0
    return Interval(middle - half, middle + half)


def half_width(n: int, alpha: float) -> float:
    """Return half of such an interval's width in standard deviations of the pairs; inf while it has no end.

    Args:
        n: The number of pairs.
        alpha: The chance that the interval ever misses.
    """
    grown = 1 + n * EFFECT_VARIANCE
    log_bound = 2 / max(n, 1) * (math.log(grown) / 2 - math.log(alpha))
    if n < 2 or log_bound >= math.log(grown):  # no mean is refuted by so few pairs
        return math.inf
    bound = math.exp(log_bound)
    u = (bound - 1) / (1 - bound / grown)  # the largest t^2 / (n - 1) whose fortune stays below 1 / alpha
    return math.sqrt(u * (n - 1) / n)


def median_interval(values: Array, alpha: float) -> Interval:
    """Return the confidence sequence of the median of d by sign bets of either side; nothing is assumed.

    Args:
        values: d, of shape (pairs,).
        alpha: The chance that it ever misses.
    """
    ordered, n = np.sort(values), len(values)
    losses = np.arange(n + 1)
    refuted = np.flatnonzero(log_sign(n - losses, losses) >= math.log(2 / alpha))
    if not len(refuted):
        return Interval(-math.inf, math.inf)
    most = int(refuted[-1])  # a median with so few pairs on one side of it is refuted
    return Interval(float(ordered[most]), float(ordered[n - 1 - most]))
