"""Racing: the trials of a step's settings pause at rungs of training steps, and the hopeless go no further.

A trial that stops is a trial of fewer steps, with a record of its own. Which ones stop at a rung follows from the trials of
the same step and from the GRU's own curves, once all of the rung have ended; so the order in which they end decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from archsearch.cell import library
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.preset import RaceRules
from archsearch.protocol.records import BASELINE, Measure, Outcome, Stage, Step, Trial
from archsearch.protocol.settings import Setting

Outcomes = Callable[[Trial], Outcome | None]
"""Looks up how a trial ended; None while it has not."""


def score_at(outcome: Outcome, step: int, measure: Measure) -> float | None:
    """Return the score that a trial would have had if it had ended at a step; None before its first validation."""
    points = [point for point in outcome.curve if point.step <= step]
    if not points:
        return None
    return (
        max(point.accuracy for point in points)
        if measure == "accuracy"
        else min(point.nll for point in points)
    )


def going_on(
    race: RaceRules, skills: Mapping[Setting, float | None], baseline: Mapping[Setting, float | None]
) -> tuple[Setting, ...]:
    """Return the settings that a rung lets go on, in their order.

    Args:
        race: The rule.
        skills: What each has reached at the rung; None if it has diverged, or the host ended it.
        baseline: What the GRU had reached there on the same settings; where it has nothing, it stops nobody.
    """
    best = max((skill for skill in skills.values() if skill is not None), default=0.0)

    def hopeless(setting: Setting, skill: float) -> bool:
        limits = race.trailing * best, race.behind * (baseline.get(setting) or 0.0)
        return any(skill < limit for limit in limits if limit > 0)

    return tuple(
        setting for setting, skill in skills.items() if skill is not None and not hopeless(setting, skill)
    )


def longest(
    plan: RunPlan, cell: str, stage: Stage, raced: bool, outcomes: Outcomes, init_draw: int = 0
) -> dict[Setting, Trial]:
    """Return for each setting of a stage the longest trial that it is given, as far as outcomes are known.

    Args:
        plan: The run's plan.
        cell: The cell's id.
        stage: The task and the settings.
        raced: Whether rungs stop the hopeless.
        outcomes: What is known so far.
        init_draw: Of the trials.
    """
    given: dict[Setting, Trial] = {}
    running = stage.settings
    for steps in _rungs(plan, stage.task, raced):
        rung = {
            setting: plan.trial(cell, stage.task, setting, init_draw=init_draw, steps=steps)
            for setting in running
        }
        given |= rung
        ended = {
            setting: outcome for setting, trial in rung.items() if (outcome := outcomes(trial)) is not None
        }
        if len(ended) < len(rung):
            break
        running = going_on(plan.preset.race, *_at_rung(plan, stage.task, steps, ended, outcomes))
    return given


def possible(plan: RunPlan, step: Step) -> Iterator[Trial]:
    """Yield every trial that a step's stages may be given, at every rung."""
    for stage in step.stages:
        for steps in _rungs(plan, stage.task, step.raced):
            yield from (plan.trial(step.cell, stage.task, setting, steps=steps) for setting in stage.settings)


def _rungs(plan: RunPlan, task: str, raced: bool) -> Iterator[int]:
    course = plan.course[task].plan
    if raced and plan.rule == "paired":
        yield from course.rungs
    yield course.steps


def _at_rung(
    plan: RunPlan, task: str, steps: int, ended: Mapping[Setting, Outcome], outcomes: Outcomes
) -> tuple[dict[Setting, float | None], dict[Setting, float | None]]:
    """Return the skills of a rung's trials, and the GRU's at the same step on the same settings."""

    def skill(score: float | None) -> float | None:
        return None if score is None else plan.skill(task, score)

    gru, measure = library.load(BASELINE).id, plan.measure(task)
    others = {setting: outcomes(plan.trial(gru, task, setting)) for setting in ended}
    own = {setting: skill(outcome.score) for setting, outcome in ended.items()}
    return own, {s: skill(score_at(other, steps, measure)) if other else None for s, other in others.items()}
