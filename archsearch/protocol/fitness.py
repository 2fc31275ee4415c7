"""Fitness: the worst task's ratio to the baseline (Jozefowicz et al. 2015, Eq. 1), under either rule."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from archsearch.protocol.belief import Belief, Prior
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Try
from archsearch.protocol.settings import Setting

Tries = Mapping[str, Mapping[Setting, Try]]
"""The trials of one cell: task -> setting -> what came of it. Trials that the host ended are absent."""


class TaskResult(msgspec.Struct, frozen=True):
    """A cell's best on one task.

    Attributes:
        score: The best score, over the settings that the ratio compares.
        skill: The same as skill; the score itself under `published`.
        ratio: Against the baseline's best, over the same settings under `paired`, over its whole grid under `published`;
            in blocks the mean of theirs.
        setting: Where the best score was reached.
        units: The width there.
        settings: How many settings that are.
        steps: Training steps of the best trial, fewer than the task's where racing stopped it.
        estimate: What the ratio is believed to be.
        doubt: The variance of that.
    """

    score: float
    skill: float
    ratio: float
    setting: Setting
    units: int
    settings: int
    steps: int
    estimate: float
    doubt: float


class Judgement(msgspec.Struct, frozen=True):
    """A cell's fitness and what it is made of.

    Attributes:
        fitness: The worst task's ratio.
        tasks: The cell's best on each task.
        diverged: Share of the settings that it was tried on, over all tasks, under which it diverged.
    """

    fitness: float
    tasks: dict[str, TaskResult]
    diverged: float = 0.0

    @property
    def weakest(self) -> TaskResult:
        """The task that is believed to be the worst."""
        return min(self.tasks.values(), key=lambda result: result.estimate)

    @property
    def estimate(self) -> float:
        """What the fitness is believed to be: by this candidates rank."""
        return self.weakest.estimate

    @property
    def doubt(self) -> float:
        """The variance of that."""
        return self.weakest.doubt


def best_skill(plan: RunPlan, task: str, tries: Mapping[Setting, Try]) -> tuple[float, Setting] | None:
    """Return the best skill and its setting, the earliest of equals.

    Args:
        plan: The run's plan.
        task: What people call the task.
        tries: A cell's trials on it.

    Returns:
        None if nothing has a score.
    """
    skills = ((plan.skill(task, tried.score), setting) for setting, tried in tries.items())
    scored = [(skill, setting) for skill, setting in skills if skill is not None]
    return max(scored, key=lambda pair: pair[0]) if scored else None


def ratio(
    plan: RunPlan, task: str, tries: Mapping[Setting, Try], baseline: Mapping[Setting, Try]
) -> float | None:
    """Return best against best; over the settings that both have under `paired`.

    Args:
        plan: The run's plan.
        task: What people call the task.
        tries: The cell's.
        baseline: The GRU's.

    Returns:
        None without a score on either side, or where the GRU has learned nothing.
    """
    if plan.rule == "paired":
        tries, baseline = _shared(tries, baseline), _shared(baseline, tries)
    best, other = best_skill(plan, task, tries), best_skill(plan, task, baseline)
    if best is None or other is None or other[0] <= 0:
        return None
    return best[0] / other[0]


def _shared(tries: Mapping[Setting, Try], others: Mapping[Setting, Try]) -> dict[Setting, Try]:
    return {setting: tried for setting, tried in tries.items() if setting in others}


def block_ratios(
    plan: RunPlan, task: str, tries: Mapping[Setting, Try], baseline: Mapping[Setting, Try]
) -> dict[int, float]:
    """Return best against best for each block of settings that both have, by its number.

    A block under which the cell diverged everywhere counts 0; one under which the GRU is below `min_skill` does not count.

    Args:
        plan: The run's plan.
        task: What people call the task.
        tries: The cell's.
        baseline: The GRU's.
    """
    blocks: dict[int, list[Setting]] = {}
    for setting in _shared(tries, baseline):
        blocks.setdefault(plan.block(task, setting), []).append(setting)
    ratios = {}
    for block, settings in sorted(blocks.items()):
        best, other = (
            best_skill(plan, task, {setting: of[setting] for setting in settings}) for of in (tries, baseline)
        )
        if other is not None and other[0] >= plan.task[task].rules.min_skill:
            ratios[block] = best[0] / other[0] if best else 0.0
    return ratios


def judge(plan: RunPlan, tries: Tries, baseline: Tries, belief: Belief | None = None) -> Judgement | None:
    """Return a cell's fitness.

    Args:
        plan: The run's plan.
        tries: The cell's trials.
        baseline: The GRU's.
        belief: What is known of cells before they are trained; None believes what is measured, as of the GRU itself.

    Returns:
        None unless it has a finite ratio on every task, and diverges under no more settings than the preset allows.
    """
    results, priors = {}, {} if belief is None or tries == baseline else belief
    for task in plan.tasks:
        of, others = tries.get(task.name, {}), baseline[task.name]
        result = _result(plan, task.name, of, others, priors.get(task.name))
        if result is None:
            return None
        results[task.name] = result
    diverged = _diverged(plan, tries)
    if diverged > plan.preset.search.stability:
        return None
    return Judgement(min(result.ratio for result in results.values()), results, diverged)


def _diverged(plan: RunPlan, tries: Tries) -> float:
    """Return the share of a cell's settings under which it diverged."""
    scores = [tried.score for task in plan.tasks for tried in tries[task.name].values()]
    return scores.count(None) / len(scores)


def _result(
    plan: RunPlan,
    task: str,
    tries: Mapping[Setting, Try],
    baseline: Mapping[Setting, Try],
    prior: Prior | None,
) -> TaskResult | None:
    """Return a cell's best on one task, None without a finite ratio."""
    compared = _shared(tries, baseline) if plan.rule == "paired" else tries
    best = best_skill(plan, task, compared)
    if prior is None:
        against = ratio(plan, task, compared, baseline)
        believed = None if against is None else (against, 0.0)
    else:
        ratios = block_ratios(plan, task, compared, baseline)
        against = sum(ratios.values()) / len(ratios) if ratios else None
        believed = prior.estimate(ratios) if ratios else None
    if best is None or against is None or believed is None or not math.isfinite(against):
        return None
    skill, setting = best
    tried = compared[setting]
    assert tried.score is not None
    estimate, doubt = believed
    return TaskResult(
        score=tried.score,
        skill=skill,
        ratio=against,
        setting=setting,
        units=tried.units,
        settings=len(compared),
        steps=tried.steps,
        estimate=estimate,
        doubt=doubt,
    )
