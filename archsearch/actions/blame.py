"""What ended a reference: without references there is nothing to compare with, so a search stops and says why."""

from __future__ import annotations

from collections.abc import Mapping

from archsearch.errors import ArchsearchError
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.references import reference_cells

AGAIN = "Nothing of it is final: once it is mended, the same command goes on"

WAYS = {
    "crashed": "a worker ends so if the task calls exit or abort, or if the system ends it, as it does without memory",
    "oom": "give it more memory, fewer --workers, or a smaller budget of parameters in the preset",
    "timeout": "the task may wait for ever, or the machine be overloaded",
    "error": "the error is the task's, or the machine's",
}
"""Where to look, by how a trial ended."""


def check_reference(plan: RunPlan, run: str, trial: Trial, outcome: Outcome | None) -> None:
    """Refuse to go on where the host ended a trial of a reference.

    Args:
        plan: The run's plan.
        run: The run's name.
        trial: A trial of a reference.
        outcome: How it ended.

    Raises:
        ArchsearchError: Says what happened, how often, where to look, and how to go on.
    """
    if outcome is None or not outcome.by_host:
        return
    name = next(name for name, cell in reference_cells(plan).items() if cell.id == trial.cell)
    words = f"{trial.task}: {name} cannot be trained: {_happened(outcome)}; {WAYS[outcome.status]}"
    raise ArchsearchError(f"{words}. {AGAIN}. All trials of it: archsearch show {run}/{trial.cell[:9]}")


def _happened(outcome: Outcome) -> str:
    said = (outcome.reason.strip().splitlines() or ["no reason given"])[-1]
    if outcome.status == "crashed":
        return f"two workers, one after the other, ended while they trained it ({said})"
    return f"memory ran out twice ({said})" if outcome.status == "oom" else said


def check_scores(outcomes: Mapping[Trial, Outcome | None]) -> None:
    """Refuse to search where no trial of the GRU on some task has a score.

    Args:
        outcomes: How its trials ended.

    Raises:
        ArchsearchError: Names the task, with what became of the trials.
    """
    for task in dict.fromkeys(trial.task for trial in outcomes):
        ended = [outcome for trial, outcome in outcomes.items() if trial.task == task and outcome is not None]
        if ended and all(outcome.score is None for outcome in ended):
            said = ended[0].reason.strip().splitlines()[-1:] or [ended[0].status]
            raise ArchsearchError(
                f"{task}: none of {len(ended)} trials of the GRU has a score ({said[0]}); numbers that are not finite "
                "from the start are the task's, else lower the rates in the preset"
            )
