"""The references: published cells trained under the same rule before the first proposal; the GRU is the baseline."""

from __future__ import annotations

from collections.abc import Mapping

from archsearch.cell import Cell, library
from archsearch.errors import ArchsearchError
from archsearch.protocol.fitness import Tries, best_skill
from archsearch.protocol.ladder import table_of
from archsearch.protocol.named_cells import named_cell
from archsearch.protocol.plan import PlannedTask, RunPlan
from archsearch.protocol.racing import Outcomes, StageTrials, longest_trials
from archsearch.protocol.records import BASELINE, Stage, Step, Try
from archsearch.protocol.settings import Setting


def published_cell(plan: RunPlan, name: str) -> Cell:
    """Return a cell that the preset names, as the run counts cells: with `search.regroup` one for all groupings of sums."""
    return named_cell(name, plan.cells.get(name), plan.preset.search.regroup)


def reference_cells(plan: RunPlan) -> dict[str, Cell]:
    """Return the references by name, the baseline first, one name per id."""
    names = dict.fromkeys([BASELINE, *plan.preset.search.start, *plan.preset.search.references])
    known: dict[str, str] = {}
    for name in names:
        known.setdefault(published_cell(plan, name).id, name)
    return {name: published_cell(plan, name) for name in known.values()}


def start_cells(plan: RunPlan) -> list[Cell]:
    """Return the start cells, each once."""
    known: dict[str, Cell] = {}
    for name in plan.preset.search.start:
        cell = published_cell(plan, name)
        known.setdefault(cell.id, cell)
    return list(known.values())


def reference_stages(plan: RunPlan, cell: str) -> tuple[Stage, ...]:
    """Return what a reference is trained on: G settings for the baseline, k for others, the grid under `published`."""
    whole = plan.rule == "published" or cell == library.load(BASELINE).id
    return tuple(
        Stage(task.name, plan.settings[task.name][: None if whole else task.rules.k]) for task in plan.tasks
    )


def reference_step(plan: RunPlan, cell: str, number: int = -1) -> Step:
    """Return the step that evaluates a reference.

    Args:
        plan: The run's plan.
        cell: The reference's id.
        number: Of a start cell's step, which is the same with a number.
    """
    return Step(number, "start", cell, stages=reference_stages(plan, cell))


def placebo_step(plan: RunPlan, number: int) -> Step:
    """Return the step that tries a clone of the GRU as if it were a candidate that has passed the filter.

    Its initial weights are no draw of the noise trials, and other ones for every step.

    Args:
        plan: The run's plan.
        number: Of the step.
    """
    return Step(
        number,
        "placebo",
        library.load(BASELINE).id,
        stages=tuple(Stage(task.name, plan.settings[task.name][: task.rules.k]) for task in plan.tasks),
        gated=True,
        raced=True,
        init_draw=plan.preset.search.noise_draws + 1 + number,
    )


def noise_trials(plan: RunPlan, outcomes: Outcomes) -> dict[str, list[StageTrials]]:
    """Return for each task the GRU's trials for draws 0..K of its initial weights, as far as outcomes are known.

    Draw 0 is the baseline, trained in full; the others are raced like a candidate's. The settings are s1..sk, under
    `published` k that represent the grid.
    """
    return {
        task.name: _draws(plan, Stage(task.name, plan.noise_settings(task)), outcomes) for task in plan.tasks
    }


def _draws(plan: RunPlan, stage: Stage, outcomes: Outcomes) -> list[StageTrials]:
    gru = library.load(BASELINE).id
    return [
        longest_trials(plan, gru, stage, outcomes, raced=draw > 0, init_draw=draw)
        for draw in range(plan.preset.search.noise_draws + 1)
    ]


def check_baseline(plan: RunPlan, baseline: Tries) -> None:
    """Refuse to search where the GRU has learned nothing, so that ratios mean nothing.

    Raises:
        ArchsearchError: Names the task, the GRU's score and the way out.
    """
    for task in plan.tasks:
        _check_task(plan, task, baseline.get(task.name, {}))


def least_skill(plan: RunPlan, task: PlannedTask) -> float:
    """Return the skill of the GRU from which on a ratio to it means anything; under `published` just above guessing."""
    return 1.1 / task.facts.symbols if plan.rule == "published" else task.rules.min_skill


def _check_task(plan: RunPlan, task: PlannedTask, tries: Mapping[Setting, Try]) -> None:
    published = plan.rule == "published"
    compared = set(plan.settings[task.name][: None if published else task.rules.k])
    best = best_skill(plan, task.name, {s: tried for s, tried in tries.items() if s in compared})
    least = least_skill(plan, task)
    if best is not None and best[0] >= least:
        return
    words = "no finite score" if best is None else f"skill {best[0]:.3f} (score {tries[best[1]].score:.4g})"
    raise ArchsearchError(
        f"{task.described}: the GRU reaches {words} after {task.rules.steps:,} steps; a ratio means "
        f"something from {least:.3g} on: raise its steps ([{table_of(plan.preset, task.name)}] steps in the preset)"
    )
