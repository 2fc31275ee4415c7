"""What a search believes of a cell before it is trained: from the draws of the GRU, and from the references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from archsearch.protocol import noise
from archsearch.protocol.belief import Prior
from archsearch.protocol.fitness import Tries, block_ratios
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import StageTrials
from archsearch.referee.shrinkage import population

LEAST = 1e-12
"""The least variance of noise, however alike the clones are."""


def belief_of(
    plan: RunPlan,
    trials: Mapping[str, Sequence[StageTrials]],
    references: Iterable[Tries],
    baseline: Tries,
) -> dict[str, Prior]:
    """Return what a search believes before its first step.

    Args:
        plan: The run's plan.
        trials: The noise trials of each task, draw by draw.
        references: The trials of all references that were evaluated on every task.
        baseline: The GRU's.
    """
    skills, gates = (
        noise.clone_skills(plan, trials),
        noise.gates(plan, noise.clone_ratios(plan, trials)),
    )
    others = [tries for tries in references if tries != baseline]
    priors = {}
    for task, draws in skills.items():
        first = [block_ratios(plan, task, tries[task], baseline[task]).get(0, 0.0) for tries in others]
        priors[task] = _prior(draws, [ratio for ratio in first if ratio > gates[task]])
    return priors


def _prior(draws: noise.Array, ratios: Sequence[float]) -> Prior:
    """Return what the draws of the GRU, and the ratios of references that pass the gate, say of a task."""
    mean = float(draws.mean())
    level = mean / float(draws[0])
    spread = max(float(draws.var(ddof=1)) / mean**2, LEAST)
    pool = population(
        np.array([1.0, *(ratio / level for ratio in ratios)]),
        np.array([spread / len(draws), *(spread for _ in ratios)]),
    )
    return Prior(replace(pool, variance=max(pool.variance, spread)), spread, level)
