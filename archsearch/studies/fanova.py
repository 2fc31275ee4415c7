"""Functional analysis of variance of a random forest: how much of a score each hyper-parameter explains, and each pair.

After Hutter, Hoos and Leyton-Brown (2014), "An Efficient Approach for Assessing Hyperparameter Importance". A tree is
constant on boxes, so that the mean over all other hyper-parameters is a sum over its leaves, and exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from archsearch.tasks.task import Numbers

TREES = 64
TINY = 1e-12
"""The least place: a box has its high edge and not its low one, as scikit-learn's splits have it."""

Effect = tuple[int, ...]
"""Which hyper-parameters act together, by their numbers: one or two."""


@dataclass(frozen=True)
class Boxes:
    """A function on the unit cube that is constant on boxes, which fill it.

    Attributes:
        lows: Where each begins, shape (boxes, dimensions).
        highs: Where it ends.
        values: The function there, shape (boxes,).
    """

    lows: Numbers
    highs: Numbers
    values: Numbers

    @property
    def sizes(self) -> Numbers:
        """How wide each is, shape (boxes, dimensions)."""
        return self.highs - self.lows

    def mean(self) -> float:
        """Return the mean over the cube."""
        return float(self.values @ self.sizes.prod(axis=1))

    def variance(self) -> float:
        """Return the variance over the cube."""
        return float((self.values - self.mean()) ** 2 @ self.sizes.prod(axis=1))

    def marginal(self, effect: Effect, places: Sequence[Numbers]) -> Numbers:
        """Return the mean over all hyper-parameters but one or two.

        Args:
            effect: The one or two.
            places: Where in each, shape (points,).

        Returns:
            Shape (points,), or (points, points) for two.
        """
        others = [number for number in range(self.lows.shape[1]) if number not in effect]
        weights = self.values * self.sizes[:, others].prod(axis=1)
        within = [
            (self.lows[:, number] < at[:, None]) & (at[:, None] <= self.highs[:, number])
            for number, at in zip(effect, (np.maximum(each, TINY) for each in places), strict=True)
        ]
        found: Numbers = within[0] @ weights if len(effect) == 1 else (within[0] * weights) @ within[1].T
        return found

    def explained(self, effect: Effect) -> float:
        """Return the variance of the mean over all hyper-parameters but one or two."""
        edges = [np.unique(np.concatenate(([0.0, 1.0], self.lows[:, number]))) for number in effect]
        means = self.marginal(effect, [(edge[1:] + edge[:-1]) / 2 for edge in edges])
        widths = np.diff(edges[0]) if len(effect) == 1 else np.outer(np.diff(edges[0]), np.diff(edges[1]))
        return float(((means - self.mean()) ** 2 * widths).sum())


def boxes_of(tree: Any, dimensions: int) -> Boxes:
    """Return the leaves of a fitted tree of scikit-learn, as `estimator.tree_`, within the unit cube."""
    lows, highs, values = [], [], []
    waiting = [(0, np.zeros(dimensions), np.ones(dimensions))]
    while waiting:
        node, low, high = waiting.pop()
        if tree.children_left[node] < 0:
            lows.append(low)
            highs.append(high)
            values.append(float(tree.value[node].item()))
            continue
        middle = np.arange(dimensions) == tree.feature[node]
        waiting.append((tree.children_left[node], low, np.where(middle, tree.threshold[node], high)))
        waiting.append((tree.children_right[node], np.where(middle, tree.threshold[node], low), high))
    return Boxes(np.array(lows), np.array(highs), np.array(values))


def forest_of(places: Numbers, scores: Numbers, seed: int, trees: int = TREES) -> list[Boxes]:
    """Return the trees of a random forest that foretells scores.

    Args:
        places: Hyper-parameters, each from 0 to 1, shape (trials, dimensions).
        scores: Shape (trials,).
        seed: Of the forest.
        trees: How many.
    """
    forest = RandomForestRegressor(n_estimators=trees, max_depth=64, random_state=seed)
    forest.fit(places, scores)
    return [boxes_of(each.tree_, places.shape[1]) for each in forest.estimators_]


def shares_of(forest: Sequence[Boxes]) -> dict[Effect, float]:
    """Return the share of the variance that each hyper-parameter explains, and each pair beyond its two; 0 where none is."""
    dimensions = forest[0].lows.shape[1]
    effects: list[Effect] = [*((one,) for one in range(dimensions)), *combinations(range(dimensions), 2)]
    found = [tree for tree in forest if tree.variance() > 0]
    totals = dict.fromkeys(effects, 0.0)
    for tree in found:
        explained = {effect: tree.explained(effect) for effect in effects}
        for effect in effects:
            below = sum(explained[one,] for one in effect) if len(effect) > 1 else 0.0
            totals[effect] += max(0.0, explained[effect] - below) / tree.variance() / len(found)
    return totals


def curve_of(forest: Sequence[Boxes], number: int, places: Numbers) -> tuple[Numbers, Numbers]:
    """Return what a forest foretells over one hyper-parameter, the others averaged out: mean and spread of its trees.

    Args:
        forest: The trees.
        number: Which hyper-parameter.
        places: Where in its range, shape (points,).

    Returns:
        Two of shape (points,).
    """
    curves = np.array([tree.marginal((number,), [places]) for tree in forest])
    return curves.mean(axis=0), curves.std(axis=0)
