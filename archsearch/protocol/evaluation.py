"""Which trials a step needs next, or how it ended: a pure function of the step and the outcomes so far."""

from __future__ import annotations

from collections.abc import Mapping

from archsearch.protocol.fitness import Tries, ratio
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import Outcomes, longest
from archsearch.protocol.records import HOST_STATUSES, Outcome, Stage, Step, Trial, Try, Verdict
from archsearch.protocol.settings import Setting


def evaluate(
    plan: RunPlan, step: Step, outcomes: Outcomes, baseline: Tries, gates: Mapping[str, float]
) -> list[Trial] | Verdict:
    """Return the trials that the step waits for, or its verdict.

    Args:
        plan: The run's plan.
        step: The step as it was asked.
        outcomes: What is known so far.
        baseline: The GRU's trials.
        gates: For each task the share of the GRU's skill that opens the next stage.
    """
    if step.kind == "nothing":
        return Verdict("nothing new")
    if step.filter is not None:
        trial = plan.filter_trial(step.cell, step.filter)
        outcome = outcomes(trial)
        if outcome is None:
            return [trial]
        if verdict := _filtered(plan, outcome):
            return verdict
    for position, stage in enumerate(step.stages):
        trials = longest(plan, step.cell, stage, step.raced, outcomes)
        waiting = [trial for trial in trials.values() if outcomes(trial) is None]
        if waiting:
            return waiting
        last = position == len(step.stages) - 1
        if verdict := _judged(
            plan, step, stage, stage_tries(plan, step, stage, outcomes), baseline, gates, position + 1, last
        ):
            return verdict
    return Verdict("evaluated", len(step.stages))


def _filtered(plan: RunPlan, outcome: Outcome) -> Verdict | None:
    """Return the verdict of a cell that the filter stops, None if it passes."""
    name, threshold = plan.filter.name, plan.preset.filter.threshold
    if outcome.status in HOST_STATUSES:
        return Verdict("not evaluated", task=name, reason=f"{outcome.status}: {outcome.reason}")
    if outcome.score is None:
        return Verdict("failed filter", task=name, reason=outcome.reason)
    if outcome.score < threshold:
        return Verdict("failed filter", task=name, reason=f"{outcome.score:.3f} < {threshold:g}")
    return None


def _judged(
    plan: RunPlan,
    step: Step,
    stage: Stage,
    tries: Mapping[Setting, Try],
    baseline: Tries,
    gates: Mapping[str, float],
    reached: int,
    last: bool,
) -> Verdict | None:
    """Return the verdict of a step that ends with this stage, None if it goes on."""
    if stage.settings and not tries:
        return Verdict("not evaluated", reached, stage.task, "crash, memory or timeout ended every trial")
    if tries and all(tried.score is None for tried in tries.values()) and step.gated:
        return Verdict("diverged", reached, stage.task, "every trial diverged")
    if not step.gated or last:
        return None
    against = ratio(plan, stage.task, tries, baseline[stage.task])
    if against is None or against <= gates[stage.task]:
        shown = "no ratio" if against is None else f"{against:.3f} <= {gates[stage.task]:g}"
        return Verdict("stopped at gate", reached, stage.task, shown)
    return None


def stage_tries(plan: RunPlan, step: Step, stage: Stage, outcomes: Outcomes) -> dict[Setting, Try]:
    """Return what came of a finished stage's settings, without what the host ended."""
    tries = {}
    for setting, trial in longest(plan, step.cell, stage, step.raced, outcomes).items():
        outcome = outcomes(trial)
        if outcome is not None and outcome.status not in HOST_STATUSES:
            tries[setting] = Try(outcome.score, outcome.units, trial.steps)
    return tries


def step_tries(plan: RunPlan, step: Step, reached: int, outcomes: Outcomes) -> dict[str, dict[Setting, Try]]:
    """Return the same for the first `reached` stages of a step, by task."""
    return {stage.task: stage_tries(plan, step, stage, outcomes) for stage in step.stages[:reached]}
