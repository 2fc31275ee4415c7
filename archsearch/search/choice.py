"""Which settings a step assigns on a task, under either rule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set

import numpy as np

from archsearch.protocol.records import Stage, Try
from archsearch.protocol.settings import Setting

BEST = 100
"""So many of the parent's best, or of the start cells', may a child inherit (docs/measuring.md, "The search of 2015")."""

INHERIT = 0.8
"""Probability of one of the parent's best, once the parent has more than half of the grid."""

REDRAWS = 20
"""How often a used setting is drawn again before a fresh one is taken."""

Scored = Mapping[Setting, Try]
"""What a cell has on a task."""


def paired(task: str, settings: Sequence[Setting], used: Set[Setting], k: int) -> Stage:
    """Return the next of the settings that all cells share.

    Args:
        task: What people call the task.
        settings: The shared settings, in their order.
        used: What the cell has had.
        k: How many are wanted.
    """
    return Stage(task, tuple([setting for setting in settings if setting not in used][:k]))


def published(
    task: str,
    grid: Sequence[Setting],
    used: Set[Setting],
    k: int,
    *,
    rng: np.random.Generator,
    parent: Scored | None = None,
    starts: Sequence[Scored] = (),
) -> Stage:
    """Return k settings drawn as Jozefowicz et al. 2015 draw them for a child, fewer where the grid is exhausted.

    Args:
        task: What people call the task.
        grid: Every setting of the task.
        used: What the cell has had.
        k: How many are wanted.
        rng: The step's generator.
        parent: What the parent has on this task; None draws all fresh, as a re-examination does.
        starts: What each start cell has on this task.
    """
    taken: list[Setting] = []
    sources: list[str] = []
    used = set(used)
    pools = _pools(parent, starts) if parent is not None else {}
    mature = parent is not None and len(parent) > len(grid) / 2
    while len(taken) < k and len(used) < len(grid):
        source = _source(rng, pools, mature)
        setting = _unused(rng, pools[source], used) if source != "fresh" else None
        if setting is None:
            left = [candidate for candidate in grid if candidate not in used]
            setting, source = left[int(rng.integers(len(left)))], "fresh"
        used.add(setting)
        taken.append(setting)
        sources.append(source)
    return Stage(task, tuple(taken), tuple(sources))


def _pools(parent: Scored, starts: Sequence[Scored]) -> dict[str, list[Setting]]:
    """Return what a child may inherit: all the parent's settings, its best, and the best of the start cells."""
    together = [(setting, tried) for tries in starts for setting, tried in tries.items()]
    return {
        "parent": list(parent),
        "parent's best": _best(list(parent.items())),
        "start cells' best": _best(together),
    }


def _best(tried: list[tuple[Setting, Try]]) -> list[Setting]:
    scored = [
        (setting, result.score)
        for setting, result in tried
        if result.score is not None and math.isfinite(result.score)
    ]
    ranked = sorted(scored, key=lambda pair: (-pair[1], pair[0]))
    return list(dict.fromkeys(setting for setting, _ in ranked))[:BEST]


def _source(rng: np.random.Generator, pools: Mapping[str, list[Setting]], mature: bool) -> str:
    if not pools:
        return "fresh"
    if mature:
        return "parent's best" if rng.random() < INHERIT else "fresh"
    return ("fresh", "start cells' best", "parent")[int(rng.integers(3))]


def _unused(rng: np.random.Generator, pool: list[Setting], used: set[Setting]) -> Setting | None:
    for _ in range(1 + REDRAWS if pool else 0):
        setting = pool[int(rng.integers(len(pool)))]
        if setting not in used:
            return setting
    return None
