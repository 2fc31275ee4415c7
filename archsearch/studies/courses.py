"""The course of a run: how good its best cell was after each of its steps, by trials and by seconds of a core.

The best cell is the first by rank that is not the GRU, a start cell included: so all strategies begin at the same height.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from archsearch.cell import library
from archsearch.protocol.evaluation import Ended, count_trials
from archsearch.protocol.history import Candidate, History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import possible_trials
from archsearch.protocol.records import BASELINE
from archsearch.store import RunStore, read_steps
from archsearch.store.history import RecordedOutcomes, untold_history


@dataclass(frozen=True)
class Course:
    """How a run went, step by step.

    Attributes:
        trials: Trials so far, after each told step; those of start cells are not counted.
        seconds: Seconds that these took on one core.
        best: Fitness of the best cell then; 0 while there is none.
        final: The best cell in the end; None if there is none.
        exhausted: Whether the search ended for want of anything to try.
    """

    trials: tuple[int, ...]
    seconds: tuple[float, ...]
    best: tuple[float, ...]
    final: Candidate | None
    exhausted: bool = False

    def after_trials(self, trials: float) -> float:
        """Return the fitness of the best cell after so many trials."""
        return _at(self.trials, self.best, trials)

    def after_seconds(self, seconds: float) -> float:
        """Return the fitness of the best cell after so many seconds of a core."""
        return _at(self.seconds, self.best, seconds)


def _at(spent: tuple[int, ...] | tuple[float, ...], best: tuple[float, ...], budget: float) -> float:
    place = bisect_right(spent, budget)
    return best[place - 1] if place else 0.0


def read_course(store: RunStore, trials: int) -> Course:
    """Return the course of a run as far as so many trials went.

    Args:
        store: The run's database.
        trials: The budget; the step that would pass it is not counted.

    Raises:
        StoreError: The records cannot be read, or contradict each other.
    """
    plan, outcomes = store.facts.plan, RecordedOutcomes(store)
    spent, seconds, best = [0], [0.0], [0.0]
    final: Candidate | None = None
    for history, ended in told_one_by_one(store, plan, outcomes):
        total = spent[-1] + count_trials(ended.step, ended.verdict.reached)
        if total > trials:
            break
        best_now = best_cell(history)
        final = None if best_now is None else replace(best_now)  # as it is now: later steps change it
        spent.append(total)
        seconds.append(seconds[-1] + core_seconds(plan, ended, outcomes))
        best.append(0.0 if final is None else final.fitness)
    return Course(tuple(spent), tuple(seconds), tuple(best), final, store.facts.ended == "exhausted")


def told_one_by_one(
    store: RunStore, plan: RunPlan, outcomes: RecordedOutcomes
) -> Iterator[tuple[History, Ended]]:
    """Yield the history after each told step, and the step; it is one history, with all candidates in memory.

    Args:
        store: The run's database.
        plan: Its plan.
        outcomes: How its trials ended, as far as they were looked up before.
    """
    history = untold_history(plan, outcomes)
    for ended in read_steps(store, plan, outcomes):
        if isinstance(ended, Ended):
            history.tell(ended)
            yield history, ended


def best_cell(history: History) -> Candidate | None:
    """Return the first cell by rank that is not the GRU; None while none has a fitness."""
    gru = library.load(BASELINE).id
    return next((candidate for candidate in history.best(2) if candidate.id != gru), None)


def core_seconds(plan: RunPlan, ended: Ended, outcomes: RecordedOutcomes) -> float:
    """Return how long the trials of a step took on one core; one that paused at a rung has a record for each part.

    Args:
        plan: The run's plan.
        ended: The step; a start cell's trials are not counted.
        outcomes: How the run's trials ended.
    """
    step = ended.step
    if step.kind == "start":
        return 0.0
    trials = list(possible_trials(plan, step))
    trials += [plan.filter_trial(step.cell, step.filter)] if step.filter is not None else []
    found = [outcome for trial in trials if (outcome := outcomes(trial)) is not None]
    return sum(outcome.seconds for outcome in found)
