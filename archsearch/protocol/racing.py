"""Racing: the trials of a step's settings pause at rungs of training steps, and the hopeless go no further.

A trial that stops is a trial of fewer steps, with a record of its own. Which ones stop at a rung follows from the trials of
the same step and from the GRU's own curves, once all of the rung have ended; so the order in which they end decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from archsearch.cell import library
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.preset import RaceRules
from archsearch.protocol.records import BASELINE, Outcome, Stage, Step, Trial
from archsearch.protocol.settings import Setting
from archsearch.tasks.task import Measure

Outcomes = Callable[[Trial], Outcome | None]
"""Looks up how a trial ended; None while it has not."""


class LongestTrial(NamedTuple):
    """The longest trial that a setting is given, as far as outcomes are known.

    Attributes:
        trial: The trial.
        outcome: How it ended; None while it has not.
    """

    trial: Trial
    outcome: Outcome | None


StageTrials = Mapping[Setting, LongestTrial]
"""The trials of a cell on one task, by setting."""

Skills = Mapping[Setting, float | None]
"""What each setting has reached; None where it has diverged, the host ended it, or it has no validation yet."""


def score_at(outcome: Outcome, step: int, measure: Measure) -> float | None:
    """Return the score that a trial would have had if it had ended at a step.

    Args:
        outcome: How it ended, with its curve.
        step: After so many training steps.
        measure: What the score is.

    Returns:
        None before the first validation that is a number.
    """
    points = [point for point in outcome.curve if point.step <= step]
    if measure == "accuracy":
        return max((point.accuracy for point in points if math.isfinite(point.accuracy)), default=None)
    return min((point.nll for point in points if math.isfinite(point.nll)), default=None)


def survivors(race: RaceRules, skills: Skills, baseline: Skills) -> tuple[Setting, ...]:
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

    scored = [(setting, skill) for setting, skill in skills.items() if skill is not None]
    return tuple(setting for setting, skill in scored if not hopeless(setting, skill))


def longest_trials(
    plan: RunPlan, cell: str, stage: Stage, outcomes: Outcomes, *, raced: bool, init_draw: int = 0
) -> dict[Setting, LongestTrial]:
    """Return for each setting of a stage the longest trial that it is given, as far as outcomes are known.

    Args:
        plan: The run's plan.
        cell: The cell's id.
        stage: The task and the settings.
        outcomes: What is known so far.
        raced: Whether rungs stop the hopeless.
        init_draw: Of the trials.
    """
    longest: dict[Setting, LongestTrial] = {}
    running = stage.settings
    for steps in _rungs(plan, stage.task, raced):
        rung = [plan.trial(cell, stage.task, s, init_draw=init_draw, steps=steps) for s in running]
        longest |= {trial.setting: LongestTrial(trial, outcomes(trial)) for trial in rung}
        if any(longest[setting].outcome is None for setting in running):
            break
        if steps < plan.task[stage.task].rules.steps:
            ended = {setting: longest[setting].outcome for setting in running}
            running = survivors(plan.preset.race, *_at_rung(plan, stage.task, steps, ended, outcomes))
    return longest


def stage_trials(plan: RunPlan, step: Step, stage: Stage, outcomes: Outcomes) -> dict[Setting, LongestTrial]:
    """Return for each setting of one of a step's stages the longest trial that it is given.

    Args:
        plan: The run's plan.
        step: The step.
        stage: One of its stages.
        outcomes: What is known so far.
    """
    return longest_trials(plan, step.cell, stage, outcomes, raced=step.raced, init_draw=step.init_draw)


def possible_trials(plan: RunPlan, step: Step) -> Iterator[Trial]:
    """Yield every trial that a step's stages may be given, at every rung."""
    for stage in step.stages:
        for steps in _rungs(plan, stage.task, step.raced):
            for setting in stage.settings:
                yield plan.trial(step.cell, stage.task, setting, init_draw=step.init_draw, steps=steps)


def _rungs(plan: RunPlan, task: str, raced: bool) -> Iterator[int]:
    rules = plan.task[task].rules
    if raced and plan.rule == "paired":
        yield from rules.rungs
    yield rules.steps


def _at_rung(
    plan: RunPlan, task: str, steps: int, ended: Mapping[Setting, Outcome | None], outcomes: Outcomes
) -> tuple[Skills, Skills]:
    """Return the skills of a rung's trials, and the GRU's at the same step on the same settings."""
    gru, measure = library.load(BASELINE).id, plan.measure(task)
    skills = {
        setting: plan.skill(task, outcome.score) for setting, outcome in ended.items() if outcome is not None
    }
    full = {setting: outcomes(plan.trial(gru, task, setting)) for setting in ended}
    scores = {s: score_at(other, steps, measure) for s, other in full.items() if other is not None}
    return skills, {setting: plan.skill(task, score) for setting, score in scores.items()}
