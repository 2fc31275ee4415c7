"""Which trials a step needs next, or how it ended: a pure function of the step and the outcomes so far."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from archsearch.protocol.fitness import Tries, ratio
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import Outcomes, StageTrials, stage_trials
from archsearch.protocol.records import Outcome, Stage, Step, Trial, Try, Verdict
from archsearch.protocol.settings import Setting


class Waiting(msgspec.Struct, frozen=True):
    """A step that needs more trials.

    Attributes:
        trials: Those that it waits for now.
    """

    trials: tuple[Trial, ...]


class Ended(msgspec.Struct, frozen=True):
    """A step that has ended.

    Attributes:
        step: The step as it was asked.
        verdict: How it ended.
        tries: Its trials by task, of the stages that it reached; without what the host ended.
    """

    step: Step
    verdict: Verdict
    tries: dict[str, dict[Setting, Try]]


def count_trials(step: Step, reached: int | None = None) -> int:
    """Return how many trials a step takes; a start cell brings its own.

    Args:
        step: The step.
        reached: How many of its stages were trained; None for all.
    """
    if step.kind == "start":
        return 0
    return (step.filter is not None) + sum(len(stage.settings) for stage in step.stages[:reached])


def evaluate(
    plan: RunPlan, step: Step, outcomes: Outcomes, baseline: Tries, gates: Mapping[str, float]
) -> Waiting | Ended:
    """Return the trials that the step waits for, or how it ended.

    Args:
        plan: The run's plan.
        step: The step as it was asked.
        outcomes: What is known so far.
        baseline: The GRU's trials.
        gates: For each task the share of the GRU's skill that opens the next stage.
    """
    if step.kind == "nothing":
        return Ended(step, Verdict("nothing new"), {})
    if step.filter is not None:
        trial = plan.filter_trial(step.cell, step.filter)
        outcome = outcomes(trial)
        if outcome is None:
            return Waiting((trial,))
        if verdict := _filtered(plan, outcome):
            return Ended(step, verdict, {})
    return _evaluate_stages(plan, step, outcomes, baseline, gates)


def _filtered(plan: RunPlan, outcome: Outcome) -> Verdict | None:
    """Return the verdict of a cell that the filter stops, None if it passes."""
    name, threshold = plan.filter.name, plan.preset.filter.threshold
    if outcome.by_host:
        return Verdict("not evaluated", task=name, reason=f"{outcome.status}: {outcome.reason}")
    if outcome.score is None:
        return Verdict("failed filter", task=name, reason=outcome.reason)
    if outcome.score < threshold:
        return Verdict("failed filter", task=name, reason=f"{outcome.score:.3f} < {threshold:g}")
    return None


def _evaluate_stages(
    plan: RunPlan, step: Step, outcomes: Outcomes, baseline: Tries, gates: Mapping[str, float]
) -> Waiting | Ended:
    tries: dict[str, dict[Setting, Try]] = {}
    for reached, stage in enumerate(step.stages, 1):
        task = stage.task
        longest = stage_trials(plan, step, stage, outcomes)
        if missing := tuple(each.trial for each in longest.values() if each.outcome is None):
            return Waiting(missing)
        tries[task] = counted_tries(longest)
        verdict = _without_score(step, stage, tries[task])
        if verdict is None and step.gated and reached < len(step.stages):
            verdict = _at_gate(task, ratio(plan, task, tries[task], baseline[task]), gates[task])
        if verdict is not None:
            return Ended(step, replace(verdict, reached=reached), tries)
    return Ended(step, Verdict("evaluated", len(step.stages)), tries)


def _without_score(step: Step, stage: Stage, tries: Mapping[Setting, Try]) -> Verdict | None:
    """Return the verdict of a step that ends with a stage for want of a score, None if it goes on."""
    if stage.settings and not tries:
        reason = "crash, memory or timeout ended every trial"
        return Verdict("not evaluated", task=stage.task, reason=reason)
    if tries and step.gated and all(tried.score is None for tried in tries.values()):
        return Verdict("diverged", task=stage.task, reason="every trial diverged")
    return None


def _at_gate(task: str, share: float | None, gate: float) -> Verdict | None:
    """Return the verdict of a cell whose ratio a gate stops, None if it passes."""
    if share is not None and share > gate:
        return None
    reason = "no ratio" if share is None else f"{share:.3f} <= {gate:g}"
    return Verdict("stopped at gate", task=task, reason=reason)


def counted_tries(longest: StageTrials) -> dict[Setting, Try]:
    """Return what came of a stage's trials, without those that the host ended or that have not ended."""
    return {
        setting: Try(outcome.score, outcome.units, trial.steps)
        for setting, (trial, outcome) in longest.items()
        if outcome is not None and not outcome.by_host
    }


def told_again(plan: RunPlan, step: Step, verdict: Verdict, outcomes: Outcomes) -> Ended:
    """Return a step that was told before, with its recorded verdict and the trials of the stages that it reached.

    Args:
        plan: The run's plan.
        step: The step as it was asked.
        verdict: As it was recorded.
        outcomes: Looks up the trials that have ended.
    """
    tries = {
        stage.task: counted_tries(stage_trials(plan, step, stage, outcomes))
        for stage in step.stages[: verdict.reached]
    }
    return Ended(step, verdict, tries)
