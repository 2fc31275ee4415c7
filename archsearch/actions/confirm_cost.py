"""What a confirmation, or other training, costs at most: counted trials, and the seconds that known ones have taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archsearch.actions.status import span
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Outcome, Trial

TOP, LAST, ROUND = 10, 3, 2
"""Cells that begin, cells that go on to the end, and pairs of a round."""


@dataclass(frozen=True)
class Cost:
    """Trials, and what they take.

    Attributes:
        trials: How many at most.
        seconds: Of one core; None if nothing is known of trials here.
    """

    trials: int
    seconds: float | None

    def __add__(self, other: Cost) -> Cost:
        known = self.seconds is not None and other.seconds is not None
        seconds = (self.seconds or 0.0) + (other.seconds or 0.0)
        return Cost(self.trials + other.trials, seconds if known else None)

    def __str__(self) -> str:
        trials = f"at most {self.trials:,} trials"
        return trials if not self.seconds else f"{trials}, about {span(self.seconds)} of one core"


def halved(cells: int) -> int:
    """Return how many of so many cells go on after a round."""
    return max(LAST, cells // 2)


def most_pairs(found: int, champions: int, pairs: int) -> int:
    """Return how many pairs against the GRU there are at most, the placebo's included.

    Args:
        found: Cells that begin.
        champions: Published cells beside the GRU that are heard, too: 0 or 1.
        pairs: Most pairs of a claim.
    """
    total, alive, rounds = 0, found, 0
    while alive > LAST:
        rounds += 1
        total += alive * ROUND
        alive = halved(alive)
    total += alive * max(0, pairs - rounds * ROUND)
    return total + pairs + champions * min(pairs, max(1, rounds) * ROUND)


def speeds(trials: Iterable[tuple[Trial, Outcome]]) -> dict[str, float]:
    """Return the seconds of a training step per parameter, by task; what the host ended says nothing."""
    seconds: dict[str, float] = {}
    work: dict[str, float] = {}
    for trial, outcome in trials:
        if outcome.status == "done":
            seconds[trial.task] = seconds.get(trial.task, 0.0) + outcome.seconds
            work[trial.task] = work.get(trial.task, 0.0) + outcome.steps * trial.setting.budget
    return {task: seconds[task] / work[task] for task in seconds if work[task]}


def cost_of_pairs(plan: RunPlan, pairs: int, settings: int, speed: Mapping[str, float]) -> Cost:
    """Return what pairs on all tasks of a plan cost.

    Args:
        plan: What they are measured under.
        pairs: How many.
        settings: Settings of a pair.
        speed: Seconds of a step per parameter by task; a task that is not known takes as long as the others.
    """
    trials = 2 * settings * pairs
    if not speed:
        return Cost(trials * len(plan.tasks), None)
    usual = sum(speed.values()) / len(speed)
    each = sum(
        task.rules.steps * max(task.rules.budgets) * speed.get(task.full_name, usual) for task in plan.tasks
    )
    return Cost(trials * len(plan.tasks), trials * each)


def cost_of_trials(trials: Iterable[Trial], speed: Mapping[str, float]) -> Cost:
    """Return what trials cost, which may be shorter than those of pairs."""
    trials = list(trials)
    if not speed:
        return Cost(len(trials), None)
    usual = sum(speed.values()) / len(speed)
    seconds = (trial.steps * trial.setting.budget * speed.get(trial.task, usual) for trial in trials)
    return Cost(len(trials), sum(seconds))
