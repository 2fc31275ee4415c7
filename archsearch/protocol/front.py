"""Fronts: which cells nothing beats at their cost, which nothing beats once these are gone, and so on.

One point dominates another that is neither cheaper nor better, and not its equal in both.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

Objectives = tuple[float, float]
"""A cost, which should be low, and a value, which should be high."""


def fronts(points: Sequence[Objectives]) -> list[int]:
    """Return for each point the number of its front, from 0: of points that only points of earlier fronts dominate.

    The points come by cost, so a point is dominated by those of a front if their best value so far is as good. These values
    fall from front to front, so its own front is found by bisection (Jensen 2003, for two objectives).
    """
    number: dict[Objectives, int] = {}
    losses: list[float] = []
    for cost, loss in sorted({(cost, -value) for cost, value in points}):
        front = bisect_right(losses, loss)
        losses[front : front + 1] = [loss]
        number[cost, -loss] = front
    return [number[point] for point in points]


def best_at_cost(cost: Mapping[str, float], value: Mapping[str, float]) -> set[str]:
    """Return the ids on the first front: no other is as cheap and better, or cheaper and as good.

    Args:
        cost: Of each cell, by id.
        value: Of at least these.
    """
    cells = list(cost)
    numbers = fronts([(cost[cell], value[cell]) for cell in cells])
    return {cell for cell, number in zip(cells, numbers, strict=True) if number == 0}
