"""How long a training step of a cell took in a run, beside the GRU's: rough, for other processes shared the machine."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from archsearch.cell import library
from archsearch.protocol.fitness import Judgement
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import BASELINE, Outcome, Trial
from archsearch.protocol.references import reference_cells

Lookup = Callable[[Trial], Outcome | None]
"""Returns how a trial ended, None where that is not known."""


def relative_time(plan: RunPlan, cell: str, judgement: Judgement, outcome: Lookup) -> float | None:
    """Return how many times as long a step of a cell took as the GRU's under the same setting: the median over tasks.

    Args:
        plan: The run's plan.
        cell: The cell's id.
        judgement: Where its best trials are.
        outcome: How trials ended.

    Returns:
        None where no task has a time of both.
    """
    gru, references = library.load(BASELINE).id, {each.id for each in reference_cells(plan).values()}
    ratios = []
    for task, result in judgement.tasks.items():
        ours = outcome(plan.trial(cell, task, result.setting, steps=result.steps))
        theirs = outcome(plan.trial(gru, task, result.setting))
        if ours and theirs and min(ours.seconds, theirs.seconds, ours.steps, theirs.steps) > 0:
            rungs = plan.task[task].rules.rungs if cell not in references else ()
            since = ours.steps - max((rung for rung in rungs if rung < ours.steps), default=0)
            ratios.append(ours.seconds / since / (theirs.seconds / theirs.steps))
    return median(ratios) if ratios else None
