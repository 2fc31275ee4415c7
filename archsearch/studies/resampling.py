"""Figures over few runs, with intervals: the interquartile mean and the probability of improvement.

Agarwal, Schwarzer, Castro, Courville and Bellemare (2021), "Deep Reinforcement Learning at the Edge of the Statistical
Precipice": means without the lowest and highest quarter, and percentile bootstraps over runs.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import trim_mean

RESAMPLES = 2_000
"""Samples of runs that an interval is made of."""

LEVELS = (0.025, 0.975)

Array = NDArray[np.float64]


class Figure(msgspec.Struct, frozen=True):
    """A figure and its 95 % interval.

    Attributes:
        value: The figure.
        low: The interval's lower end; None where a single run says nothing of others.
        high: Its upper end, likewise.
    """

    value: float
    low: float | None = None
    high: float | None = None


def interquartile_mean(values: Array) -> Array:
    """Return the mean of the middle half of runs, shape (...), of values of shape (..., runs)."""
    return np.asarray(trim_mean(values, 0.25, axis=-1))


def plain_mean(values: Array) -> Array:
    """Return the mean over runs, shape (...), of values of shape (..., runs)."""
    return np.asarray(values.mean(axis=-1))


def improvement(ours: Array, theirs: Array) -> Array:
    """Return the chance that one of our runs is better than one of theirs; ties count half.

    Args:
        ours: Shape (..., runs).
        theirs: Shape (..., runs), the number of runs may differ.
    """
    a, b = ours[..., :, None], theirs[..., None, :]
    return np.asarray(((a > b) + 0.5 * (a == b)).mean(axis=(-2, -1)))


def with_interval(statistic: Callable[..., Array], rng: np.random.Generator, *samples: Array) -> Figure:
    """Return a statistic of independent samples with its percentile bootstrap.

    Args:
        statistic: Takes arrays of shape (..., runs) and returns one of shape (...).
        rng: The only source of chance.
        samples: Each of shape (runs,); it is drawn from itself anew.
    """
    value = float(statistic(*samples))
    if min(map(len, samples)) < 2:
        return Figure(value)
    drawn = [sample[rng.integers(len(sample), size=(RESAMPLES, len(sample)))] for sample in samples]
    low, high = np.quantile(statistic(*drawn), LEVELS)
    return Figure(value, float(low), float(high))
