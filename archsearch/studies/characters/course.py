"""What a model is like while it learns: how far its distributions are from those of n-grams, after more and more steps.

Karpathy et al. (2015) measure the symmetric Kullback-Leibler divergence to their n-NN, and find a model like the 1-NN first,
then like the 2-NN, and so on. n-grams need no training of their own, and stand for these where there are none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import numpy as np

from archsearch.studies.characters.ngram_scores import Rows, ngram_distributions
from archsearch.studies.characters.reading import EARLY, all_distributions
from archsearch.studies.characters.recipe import Recipe
from archsearch.studies.characters.text import CharText
from archsearch.studies.characters.training import Training
from archsearch.studies.characters.windows import WindowNetwork, window_distributions

POINTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""Training steps after which it is looked at."""
LONGEST_COMPARED = 8
"""The longest context of the n-grams."""
PLACES = 20_000
"""Symbols of the validation part that are looked at."""


class CoursePoint(msgspec.Struct, frozen=True):
    """A model after some steps.

    Attributes:
        step: How many.
        valid: Validation loss, in nats a symbol.
        divergence: The symmetric divergence from the n-gram for n from 0, in nats.
        nearest: The n of the least one.
        windows: The symmetric divergence from each n-NN, by n, in nats; empty where there is none.
        nearest_window: The n of the least one, None where there is none.
    """

    step: int
    valid: float
    divergence: list[float]
    nearest: int
    windows: dict[int, float]
    nearest_window: int | None


def course(
    text: CharText,
    recipe: Recipe,
    steps: int,
    networks: Mapping[int, WindowNetwork],
    told: Callable[[int], None] = lambda step: None,
) -> list[CoursePoint]:
    """Return what a model is like after 1, 2, 5, 10 … steps; it is trained afresh, and not kept.

    Args:
        text: What it learns.
        recipe: How.
        steps: No point is later.
        networks: The n-NN that it is compared with, by n.
        told: Told of the steps so far.
    """
    part, before = text.part("valid", EARLY + 1)
    part = part[: before + PLACES]
    grams = list(ngram_distributions(text.train, part, len(text.alphabet), LONGEST_COMPARED))
    places = np.arange(before, len(part))
    others = {n: window_distributions(network, part, places) for n, network in networks.items()}
    training, found = Training(text, recipe), []
    for point in (point for point in POINTS if point <= steps):
        training.run(point, lambda kept: None, lambda step, loss: told(step))
        if training.record.steps < point:
            break
        rows = all_distributions(training.model, part, before)
        divergence = [symmetric_divergence(rows, other[before:]) for other in grams]
        windows = {n: symmetric_divergence(rows, other) for n, other in others.items()}
        found.append(
            CoursePoint(
                step=point,
                valid=training.record.curve[-1].valid,
                divergence=divergence,
                nearest=int(np.argmin(divergence)),
                windows=windows,
                nearest_window=min(windows, key=lambda n: windows[n], default=None),
            )
        )
    return found


def symmetric_divergence(p: Rows, q: Rows) -> float:
    """Return the mean of KL(p, q) + KL(q, p) over rows, in nats; both of shape (places, V)."""
    tiny = np.finfo(np.float32).tiny
    return float(((p - q) * (np.log(p + tiny) - np.log(q + tiny))).sum(axis=1).mean())
