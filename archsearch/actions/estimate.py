"""How long a search will take, before it starts: counted trials, and the seconds that such trials took on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from archsearch.actions.listener import SearchLimits
from archsearch.actions.status import MINUTE, span
from archsearch.cell import library
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import possible_trials
from archsearch.protocol.records import BASELINE, Outcome, Trial
from archsearch.protocol.references import reference_cells, reference_step

Recall = Callable[[Trial], Outcome | None]
"""Returns how a trial ended here before, None if it never did."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """How long a search will take; bounds, since filter, gates and rungs stop most candidates early.

    Attributes:
        references: Trials before the first step, of references and of clones.
        known: Those of them that have ended here, and are not trained again.
        seconds_before: Seconds until the first step; None where nothing is known of the trials of some task.
        least_rate: Candidates a minute, at least; None likewise.
        max_candidates: Candidates after which the run is finished; None for no limit.
        max_seconds: Seconds after which it is; None for no limit.
        most_seconds: Seconds for all candidates, at most; None where that is not known, or there is no such limit.
    """

    references: int
    known: int
    seconds_before: float | None
    least_rate: float | None
    max_candidates: int | None
    max_seconds: float | None
    most_seconds: float | None


def estimate(
    plan: RunPlan,
    workers: int,
    limits: SearchLimits,
    recall: Recall,
    measured: Mapping[str, float] | None = None,
) -> Estimate:
    """Return how long a search will take.

    Args:
        plan: The run's plan.
        workers: How many train side by side.
        limits: When the run is finished.
        recall: Looks up what has ended here before.
        measured: Seconds of a trial by task, where none has ended here before; None for what is not known.
    """
    trials = _trials_before(plan)
    outcomes = {trial: recall(trial) for trial in trials}
    typical = {**(measured or {}), **_typical_seconds(plan, outcomes.items())}
    missing = [trial for trial, outcome in outcomes.items() if outcome is None]
    before = rate = most = None
    if all(task.name in typical for task in plan.tasks):
        before = sum(typical[task.name] for trial in missing if (task := plan.task_of(trial))) / workers
        whole = sum(typical[task.name] * task.rules.k for task in plan.tasks)
        rate = MINUTE * workers * (1 - plan.preset.search.reexamine) / max(whole, 1e-9)
        if limits.max_candidates is not None:
            most = before + MINUTE * limits.max_candidates / rate
    return Estimate(
        references=len(trials),
        known=len(trials) - len(missing),
        seconds_before=before,
        least_rate=rate,
        max_candidates=limits.max_candidates,
        max_seconds=limits.max_seconds,
        most_seconds=most,
    )


def _trials_before(plan: RunPlan) -> list[Trial]:
    """Return the trials of references and clones, each once; clones as if none were stopped."""
    steps = [reference_step(plan, cell.id) for cell in reference_cells(plan).values()]
    references = [trial for step in steps for trial in possible_trials(plan, step)]
    gru = library.load(BASELINE).id
    clones = [
        plan.trial(gru, task.name, setting, init_draw=draw)
        for task in plan.tasks
        for setting in plan.noise_settings(task)
        for draw in range(1, plan.preset.search.noise_draws + 1)
    ]
    return list(dict.fromkeys([*references, *clones]))


def _typical_seconds(plan: RunPlan, ended: Iterable[tuple[Trial, Outcome | None]]) -> dict[str, float]:
    """Return the mean seconds of trials that have ended, by task; one that took none was not timed."""
    seconds: dict[str, list[float]] = {}
    for trial, outcome in ended:
        if outcome is not None and outcome.seconds and (task := plan.task_of(trial)) is not None:
            seconds.setdefault(task.name, []).append(outcome.seconds)
    return {name: sum(those) / len(those) for name, those in seconds.items()}


def estimate_words(found: Estimate) -> str:
    """Return an estimate as a line for people."""
    known = f", {found.known} of which have ended here" if found.known else ""
    words = f"before the first step  {found.references} trials of references and clones{known}"
    if found.seconds_before is None or found.least_rate is None:
        return f"{words}; how long they take here is said once those of the GRU have ended"
    words += f", about {span(found.seconds_before)}; then at least {found.least_rate:.1f} candidates a minute"
    if found.most_seconds is not None:
        words += f", so {found.max_candidates:,} candidates take at most {span(found.most_seconds)}"
    return words
