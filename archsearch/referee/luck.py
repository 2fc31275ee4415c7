"""Luck: what the best of N clones of the baseline would score, by a tail that has no end.

Observed ratios end at the largest of them, and whoever searches long enough passes it. Here the skill of a clone is normal,
with the mean and the standard deviation that the baseline's draws leave possible: the right-Haar posterior, whose quantiles
hold their level exactly for one task. All clones share them, so uncertainty does not average out over N.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import scipy  # whose parts load when they are first needed: they take as long as all else of a process
from numpy.typing import NDArray

Array = NDArray[np.float64]

WORLDS = 4_000
"""Means and deviations that are looked at."""

SEVERAL = 0.5
"""Degrees of freedom that are taken off where a fitness is the least of several ratios: by simulation a 95 % line holds 92
to 96 % then, for 3 to 9 draws and 2 or 3 tasks, and 82 to 93 % without."""

STEP = 0.5
"""How a bracket around the quantile grows."""

CLOSE = 1e-7
"""Width of the bracket in which the quantile is found; to load scipy's root finders takes longer than all these halves."""


def best_of_clones(
    draws: Mapping[str, Array],
    clones: int,
    rng: np.random.Generator,
    quantile: float = 0.5,
    against: Mapping[str, float] | None = None,
) -> float:
    """Return a quantile of the best fitness among clones of the baseline; a fitness is the least of a clone's ratios.

    Args:
        draws: The baseline's skills on each task, of shape (m,), m at least 2, with a mean above 0.
        clones: N, at least 1.
        rng: The only source of chance.
        quantile: q, above 0 and below 1.
        against: What a ratio is against on each task, above 0; None for the mean of the draws.
    """
    lost = SEVERAL if len(draws) > 1 else 0.0
    laws = [
        _worlds(skills, lost, rng, against[task] if against else float(skills.mean()))
        for task, skills in draws.items()
    ]

    def excess(ratio: float) -> float:
        above = math.prod(scipy.special.ndtr((mean - ratio) / deviation) for mean, deviation in laws)
        return float(np.mean(np.exp(clones * np.log1p(-np.minimum(above, 1 - 1e-16))))) - quantile

    return _root(excess)


def _worlds(skills: Array, lost: float, rng: np.random.Generator, against: float) -> tuple[Array, Array]:
    """Return means and deviations of a clone's ratio that m draws leave possible, each of shape (WORLDS,)."""
    m, mean = len(skills), float(skills.mean()) / against
    relative = max(float(skills.std(ddof=1)) / against, np.finfo(np.float64).eps)
    deviations = relative * np.sqrt((m - 1) / rng.chisquare(m - 1 - lost, WORLDS))
    return mean + deviations * rng.standard_normal(WORLDS) / math.sqrt(m), deviations


def _root(excess: Callable[[float], float]) -> float:
    """Return where a rising function is 0, looking further and further from 1, and then in ever smaller halves."""
    low = high = 1.0
    while excess(low) > 0:
        low -= STEP
    while excess(high) < 0:
        high += STEP
    while high - low > CLOSE:
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return (low + high) / 2
