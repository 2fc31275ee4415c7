"""Empirical Bayes: what a measured value is worth beside all others that were measured with the same noise.

A ratio is true value plus noise; the best of many is mostly noise. With v the variance of the noise and u that of the true
values, the estimate (r / v + mean / u) / (1 / v + 1 / u) takes back what the noise has given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """The true values of a pool.

    Attributes:
        mean: Of all.
        variance: u, between them; 0 where the noise explains everything.
    """

    mean: float
    variance: float


def population(measured: Array, noise: Array) -> Population:
    """Return mean and variance of the true values, by moments (DerSimonian and Laird 1986).

    Args:
        measured: r, of shape (cells,).
        noise: v of each, positive, of shape (cells,).
    """
    weights = 1 / noise
    total = weights.sum()
    mean = float(weights @ measured / total)
    excess = float(weights @ (measured - mean) ** 2) - (len(measured) - 1)
    spread = total - float(weights @ weights) / total
    variance = max(0.0, excess / spread) if spread > 0 else 0.0
    shares = 1 / (noise + variance)
    return Population(float(shares @ measured / shares.sum()), variance)


def shrunken(measured: Array, noise: Array, pool: Population) -> tuple[Array, Array]:
    """Return estimates of the true values, and their variances.

    Args:
        measured: r, of shape (cells,).
        noise: v of each, positive, of shape (cells,).
        pool: What is known of the true values.

    Returns:
        Two arrays of shape (cells,).
    """
    share = pool.variance / (pool.variance + noise)
    return share * measured + (1 - share) * pool.mean, share * noise


def chances_of_first(
    estimates: Array, variances: Array, rng: np.random.Generator, draws: int = 2_000
) -> Array:
    """Return for each cell the chance that it is really the first.

    Args:
        estimates: Of shape (cells,).
        variances: Of shape (cells,).
        rng: The only source of chance.
        draws: How many worlds are looked at.

    Returns:
        Shares that sum to 1, of shape (cells,).
    """
    worlds = rng.normal(estimates, np.sqrt(variances), size=(draws, len(estimates)))
    return np.bincount(worlds.argmax(axis=1), minlength=len(estimates)) / draws


def top_two(estimates: Array, variances: Array, rng: np.random.Generator, tries: int = 100) -> int:
    """Return the cell to measure again: with even odds the first, else the likeliest rival (top-two Thompson, Russo 2016).

    Args:
        estimates: Of shape (cells,).
        variances: Of shape (cells,).
        rng: The only source of chance.
        tries: Worlds in which a rival is looked for, before the second of the estimates is taken.
    """
    first = int(np.argmax(estimates))
    if len(estimates) < 2 or rng.random() < 0.5:
        return first
    worlds = rng.normal(estimates, np.sqrt(variances), size=(tries, len(estimates))).argmax(axis=1)
    rivals = worlds[worlds != first]
    return int(rivals[0]) if len(rivals) else int(np.argsort(-estimates, kind="stable")[1])


def noise_of_mean(variance: float, measurements: int) -> float:
    """Return the variance of a mean of independent measurements, infinite for none.

    Args:
        variance: Of one.
        measurements: How many.
    """
    return variance / measurements if measurements else math.inf
