"""The references: published cells trained under the same rule before the first proposal; the GRU is the baseline."""

from __future__ import annotations

from functools import cache

from archsearch.cell import Cell, library, regrouped
from archsearch.errors import ArchsearchError
from archsearch.protocol.fitness import Tries, best_skill
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import Outcomes, longest
from archsearch.protocol.records import BASELINE, Stage, Step, Trial


def published_cell(plan: RunPlan, name: str) -> Cell:
    """Return a library cell as the run counts cells: with `search.regroup` the one for all groupings of its sums."""
    return _regrouped(name) if plan.preset.search.regroup else library.load(name)


@cache
def _regrouped(name: str) -> Cell:
    return regrouped(library.load(name))


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
    stages = []
    for course in plan.courses:
        every = plan.settings[course.task]
        whole = plan.rule == "published" or cell == library.load(BASELINE).id
        stages.append(Stage(course.task, every if whole else every[: course.plan.k]))
    return tuple(stages)


def reference_step(plan: RunPlan, cell: str, number: int = -1) -> Step:
    """Return the step that evaluates a reference; a start cell's step is the same with a number."""
    return Step(number, "start", cell, stages=reference_stages(plan, cell))


def noise_trials(plan: RunPlan, outcomes: Outcomes) -> dict[str, list[list[Trial]]]:
    """Return for each task the GRU's trials for draws 0..K of its initial weights, as far as outcomes are known.

    Draw 0 is the baseline, trained in full; the others are raced like a candidate's. The settings are s1..sk, under
    `published` k that represent the grid.
    """
    gru = library.load(BASELINE).id
    draws = range(plan.preset.search.noise_draws + 1)
    found = {}
    for course in plan.courses:
        stage = Stage(course.task, plan.noise_settings(course))
        found[course.task] = [
            list(longest(plan, gru, stage, draw > 0, outcomes, draw).values()) for draw in draws
        ]
    return found


def check_baseline(plan: RunPlan, baseline: Tries) -> None:
    """Refuse to search where the GRU has learned nothing, so that ratios mean nothing.

    Raises:
        ArchsearchError: Names the task, the GRU's score and the way out.
    """
    for course in plan.courses:
        own = {
            s: t for s, t in baseline[course.task].items() if s in plan.settings[course.task][: course.plan.k]
        }
        if plan.rule == "published":
            own = dict(baseline[course.task])
        best = best_skill(plan, course.task, own)
        least = 1.1 / course.facts.symbols if plan.rule == "published" else course.plan.min_skill
        if best is None or best[0] < least:
            table = f"tasks.{course.task}" if course.task in plan.preset.tasks else "own"
            shown = (
                "no finite score" if best is None else f"skill {best[0]:.3f} (score {own[best[1]].score:.4g})"
            )
            raise ArchsearchError(
                f"{course.facts.name}: the GRU reaches {shown} after {course.plan.steps:,} steps; a ratio means "
                f"something from {least:.3g} on: raise its steps ([{table}] steps in the preset)"
            )
