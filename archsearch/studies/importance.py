"""Which setting of a random search decides the score, after Greff et al. (2017): shares of variance with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import msgspec
import numpy as np

from archsearch.protocol.seeds import generator, seed_of
from archsearch.studies.fanova import Boxes, Effect, forest_of, shares_of
from archsearch.studies.random_search.ranges import RANGES, places_of
from archsearch.studies.random_search.training import SearchTrial
from archsearch.tasks.task import Numbers

EVERY = "all cells"
FEWEST = 10
"""Trials below which nothing is said."""
RESAMPLES, LEVEL = 40, 0.9
"""Times that trials are drawn again for an interval, and which share of them lies in it."""
SMALL = 16
"""Trees of the forests of these."""

PAPER = {"rate": "> 67 %", "momentum": "< 1 %", "interactions": "5 to 20 %"}
"""Share of the variance in the paper, over its three data sets."""


class Explained(msgspec.Struct, frozen=True):
    """A share of the variance.

    Attributes:
        share: From 0 to 1.
        low: Where its interval begins.
        high: Where it ends.
    """

    share: float
    low: float
    high: float


class ImportanceRow(msgspec.Struct, frozen=True):
    """What the settings of a cell's trials explain of their test scores.

    Attributes:
        cell: Its name, or EVERY for the mean score of all cells under the same setting.
        trials: How many had a score.
        settings: Each hyper-parameter by itself.
        pairs: Each two of them together, beyond both by themselves, as `units rate`.
        interactions: All pairs.
    """

    cell: str
    trials: int
    settings: dict[str, Explained]
    pairs: dict[str, Explained]
    interactions: Explained


def scored_settings(
    trials: Mapping[str, Sequence[SearchTrial]],
) -> dict[str, tuple[Numbers, Numbers]]:
    """Return settings and test scores of each cell, and those of all where there are several; few trials are left out.

    Returns:
        Name -> settings as places in their ranges, shape (trials, 4), and scores, shape (trials,).
    """
    found = {
        name: {trial.number: trial for trial in own if trial.test is not None} for name, own in trials.items()
    }
    scores = {
        name: [(trial, trial.test) for trial in own.values() if trial.test is not None]
        for name, own in found.items()
    }
    if len(trials) > 1:
        shared = sorted(set.intersection(*(set(own) for own in found.values())))
        first = next(iter(found.values()))
        scores[EVERY] = [
            (first[number], fmean(own[number].test or 0.0 for own in found.values())) for number in shared
        ]
    return {
        name: (
            np.array([places_of(trial.setting) for trial, _ in own]),
            np.array([score for _, score in own]),
        )
        for name, own in scores.items()
        if len(own) >= FEWEST
    }


def forests(scored: Mapping[str, tuple[Numbers, Numbers]]) -> dict[str, list[Boxes]]:
    """Return a forest for each cell of `scored_settings`, places of shape (trials, 4) and scores (trials,)."""
    return {name: forest_of(*given, seed_of("fanova", name) % 2**32) for name, given in scored.items()}


def importance_rows(scored: Mapping[str, tuple[Numbers, Numbers]]) -> list[ImportanceRow]:
    """Return a row for each cell of `scored_settings`, places of shape (trials, 4) and scores (trials,)."""
    grown = forests(scored)
    return [_row(name, *scored[name], grown[name]) for name in scored]


def _row(name: str, places: Numbers, scores: Numbers, forest: Sequence[Boxes]) -> ImportanceRow:
    rng, drawn = generator("fanova", name, "resamples"), []
    for _ in range(RESAMPLES):
        picked = rng.integers(len(scores), size=len(scores))
        drawn.append(shares_of(forest_of(places[picked], scores[picked], int(rng.integers(2**31)), SMALL)))
    shares = shares_of(forest)
    pairs = [effect for effect in shares if len(effect) == 2]
    names = list(RANGES)

    def explained(*effects: Effect) -> Explained:
        sums = [sum(each[effect] for effect in effects) for each in drawn]
        low, high = np.quantile(sums, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Explained(sum(shares[effect] for effect in effects), float(low), float(high))

    return ImportanceRow(
        cell=name,
        trials=len(scores),
        settings={title: explained((number,)) for number, title in enumerate(names)},
        pairs={" ".join(names[each] for each in pair): explained(pair) for pair in pairs},
        interactions=explained(*pairs),
    )
