"""The referee at work: trains fresh pairs of two cells until it can say which is better, or that it cannot.

Pairs are asked for in order, and whether another one is needed follows from those before it: so the verdict is the same for
any number of workers and after any number of kills.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
from msgspec import UNSET

from archsearch.actions.cells import load_cell
from archsearch.actions.own_tasks import named_sources
from archsearch.actions.request import PRESET
from archsearch.actions.resolve import ResolvedRequest
from archsearch.actions.step_time import measured_ratio
from archsearch.actions.tasks import resolve_task, usual_tasks
from archsearch.cell import Cell
from archsearch.errors import InputError, WorkerError
from archsearch.protocol.claims import (
    MARGIN,
    PAIRS,
    SETTINGS,
    Claim,
    PairResult,
    has_fresh_data,
    pair_result,
)
from archsearch.protocol.equality import Equal, equality
from archsearch.protocol.loading import load_preset
from archsearch.protocol.plan import PlannedTask, RunPlan
from archsearch.protocol.records import Outcome, Trial
from archsearch.referee.ledger import level
from archsearch.referee.ruling import Evidence, Ruling, evidence, pairs_needed, ruling
from archsearch.store.claims import Ledger
from archsearch.workers.devices import worker_devices
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.pool import WorkerPool
from archsearch.workers.retry import REFUSED
from archsearch.workers.trial_log import MemoryTrialLog

ATTEMPTS = 3
"""How often a trial that the host ends is trained before the command gives up; it is never scored."""

LARGEST = 700.0
"""log of the largest fortune that is printed; a larger one is no number any more."""


@dataclass(frozen=True)
class Hearing:
    """A claim, and what its pairs say so far.

    Attributes:
        claim: The claim.
        number: Its place in the ledger, from 1.
        names: What people call the two cells.
        pairs: The pairs by task, in their order.
        margin: Differences of skill up to this are none.
        scale: How many times the preset's parameters and steps.
    """

    claim: Claim
    number: int
    names: tuple[str, str]
    pairs: Mapping[str, Sequence[PairResult]]
    margin: float = MARGIN
    scale: float = 1.0

    @property
    def equal(self) -> Equal:
        """What is the same for both cells."""
        return "parameters" if self.claim.equal is UNSET else self.claim.equal.what

    @property
    def level(self) -> float:
        """The chance that "better" is ever false, and the same for "worse"."""
        return level(self.number)

    @cached_property
    def evidence(self) -> dict[str, Evidence]:
        """What the pairs say, task by task."""
        return {
            task: evidence(np.array([result.difference for result in results]), self.level)
            for task, results in self.pairs.items()
        }

    @property
    def ruling(self) -> Ruling:
        """What they say together."""
        return ruling(self.evidence, self.level, self.margin)

    @property
    def count(self) -> int:
        """How many pairs there are, on the task that has most."""
        return max(len(results) for results in self.pairs.values())

    def settled(self, task: str) -> bool:
        """Whether a task needs no more pairs: one of the cells is better there."""
        found = self.evidence[task]
        return max(found.log_better, found.log_worse) >= -math.log(self.level)

    @property
    def leaders(self) -> set[int]:
        """Which cells lead on some task: 1 for the first, -1 for the second."""
        return {leader for found in self.evidence.values() if (leader := _leader(found))}

    @property
    def is_split(self) -> bool:
        """Whether each cell is better on a task, so that no more pairs bring a ruling on all."""
        return len({_leader(self.evidence[task]) for task in self.pairs if self.settled(task)}) > 1

    @property
    def due(self) -> list[PlannedTask]:
        """The tasks on which one more pair is needed."""
        if self.ruling is not Ruling.NOT_TOLD_APART or self.is_split:
            return []
        return [task for task in self.claim.tasks if not self.settled(task.name)]

    @property
    def needed(self) -> int | None:
        """How many pairs would settle all tasks if wins and losses went on as they do; None if none would."""
        if len(self.leaders) > 1:
            return None
        each = [
            pairs_needed(self.evidence[task.name].wins, self.evidence[task.name].losses, self.level)
            for task in self.due
        ]
        return None if None in each else max((n for n in each if n is not None), default=None)

    def ratio(self, task: str) -> float | None:
        """Return the ratio of mean skills, where a cell that diverged has 0; None where the second learned nothing."""
        ours, theirs = (
            sum(getattr(result, side) or 0.0 for result in self.pairs[task]) for side in ("a", "b")
        )
        return ours / theirs if theirs > 0 else None

    def as_document(self) -> dict[str, object]:
        """Return all that `archsearch judge --json` prints; `equal` where it is not parameters."""
        equal = {} if self.claim.equal is UNSET else {"equal": msgspec.to_builtins(self.claim.equal)}
        return {
            "a": self.claim.a,
            "b": self.claim.b,
            "verdict": self.ruling.value,
            "pairs": self.count,
            "level": self.level,
            "tasks": {task: _task_document(found) for task, found in self.evidence.items()},
            **equal,
        }


Heard = Callable[[Hearing, int, int], object]
"""Is told what is known, and how many trials of how many of the next pair have ended."""


def hear(
    a: Cell | str,
    b: Cell | str,
    *,
    tasks: Sequence[str] = (),
    preset: str = PRESET,
    pairs: int = PAIRS,
    settings: int = SETTINGS,
    scale: float = 1.0,
    equal: Equal = "parameters",
    margin: float = MARGIN,
    max_seconds: float | None = None,
    runs: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    device: str = "auto",
    heard: Heard | None = None,
) -> Hearing:
    """Train fresh pairs of two cells until there is a ruling; the same claim goes on from the pairs that it has.

    Args:
        a: A cell, or what `load_cell` takes: the one that the claim is about.
        b: The one that it is compared with.
        tasks: Tasks of the preset, `text:FILE` or `FILE.py:NAME`; none takes those that the preset searches with.
        preset: How cells are measured: a name or a TOML file.
        pairs: Pairs after which no more are trained.
        settings: Settings of a pair; fewer are used where the preset's grid has fewer.
        scale: How many times the preset's parameters and steps.
        equal: What is the same for both: "parameters"; "width", the second's; "flops" or "time", of the whole training.
        margin: Differences of skill up to this are none.
        max_seconds: Seconds after which no more are trained; None for no limit.
        runs: Folder of all runs, for a cell of one; None for ARCHSEARCH_RUNS, else "runs".
        data: Folder of the Penn Treebank's files.
        workers: Worker processes; None for one per GPU or CPU core.
        device: "auto" (all GPUs, else the CPU), "cpu", or "cuda:0,cuda:1".
        heard: Told how it goes on; None: nobody is told.

    Raises:
        InputError: Something is unknown, the cells are one, or one is too wide for the budget.
        RunLocked: Another process trains pairs of the same claim.
        WorkerError: The host ends a trial again and again.
    """
    until = math.inf if max_seconds is None else time.monotonic() + max_seconds
    cells = [cell if isinstance(cell, Cell) else load_cell(cell, runs) for cell in (a, b)]
    folder = Path(data).resolve() if data else None
    request = _request(preset, tasks, scale, folder)
    devices = list(worker_devices(device, workers))
    sources = named_sources(question.task for question in request.questions)
    with WorkerPool(devices, str(folder) if folder else None, sources) as pool:
        plan = request.plan(request.probed(pool))
        _check(plan, cells)
        bench, ledger = Bench(plan, pool, cells, heard), Ledger()
        claim = bench.claim(cells[0], cells[1], settings, equal, ledger)
        hearing = Hearing(
            claim=claim,
            number=ledger.enter(claim),
            names=(cells[0].name, cells[1].name),
            pairs=ledger.pairs(claim),
            margin=margin,
            scale=scale,
        )
        with ledger.hearing(claim):
            hearing = replace(hearing, pairs=ledger.pairs(claim))
            hearing = bench.heard_out(hearing, ledger, pairs, until)
    return hearing


def _request(preset: str, tasks: Sequence[str], scale: float, data: Path | None) -> ResolvedRequest:
    name, rules = load_preset(preset)
    wanted = tuple(tasks) or usual_tasks(rules, data)[0]
    for task in wanted:
        if wanted.count(task) > 1:
            raise InputError(f"task {task!r} is given twice")
    resolved = tuple(resolve_task(name, rules, task).scaled(scale) for task in wanted)
    return ResolvedRequest(name, rules, resolved)


def _check(plan: RunPlan, cells: Sequence[Cell]) -> None:
    """Refuse what can be no claim.

    Raises:
        InputError: Both are one cell, or one is too wide for the budget.
    """
    if cells[0].id == cells[1].id:
        raise InputError(
            f"{cells[0].name} and {cells[1].name} are the same cell ({cells[0].id}); name two that differ"
        )
    for cell in cells:
        if problem := plan.too_narrow(cell):
            raise InputError(problem)


class Bench:
    """Trains pairs.

    Args:
        plan: What both cells are measured under.
        pool: The workers.
        cells: Both.
        heard: Told how it goes on.

    Attributes:
        plan: The same.
        heard: The same.
        log: Outcomes so far.
        dispatcher: Hands trials to the workers.
        workers: How many there are.
    """

    def __init__(self, plan: RunPlan, pool: WorkerPool, cells: Sequence[Cell], heard: Heard | None) -> None:
        self.plan, self.heard = plan, heard
        self.log = MemoryTrialLog()
        self.dispatcher = Dispatcher(self.log, pool, {cell.id: cell for cell in cells}.__getitem__)
        self.workers = len(pool.devices)

    def claim(self, a: Cell, b: Cell, settings: int, equal: Equal, ledger: Ledger) -> Claim:
        """Return the claim about two cells; one at equal time that was made before keeps the times that it has.

        Args:
            a: The cell that it is about.
            b: The other.
            settings: Settings of a pair.
            equal: What is the same for both.
            ledger: Where claims are entered.
        """
        claim = Claim.of(self.plan, a.id, b.id, settings)
        if equal == "parameters":
            return claim
        if equal == "time" and (before := ledger.made_before(claim, equal)) is not None:
            return before
        seconds = measured_ratio(self.plan, a, b, self.dispatcher) if equal == "time" else None
        return msgspec.structs.replace(claim, equal=equality(self.plan, a, b, equal, seconds))

    def heard_out(self, hearing: Hearing, ledger: Ledger, pairs: int, until: float) -> Hearing:
        """Return a hearing with so many pairs, each kept as soon as it is there, or fewer if they decide or time is over.

        Args:
            hearing: What is known.
            ledger: Where its claim is entered and held.
            pairs: The most.
            until: When to stop, on the monotonic clock.
        """
        while hearing.due and hearing.count < pairs and (more := self.next_pair(hearing, until, pairs)):
            hearing = replace(hearing, pairs=more)
            ledger.keep(hearing.claim, more)
        return hearing

    def next_pair(
        self, hearing: Hearing, until: float, most: int
    ) -> dict[str, tuple[PairResult, ...]] | None:
        """Return all pairs with the next one on every task that is due; None if the time was over before.

        Args:
            hearing: What is known.
            until: When to stop, on the monotonic clock.
            most: The last pair that may be wanted; those up to it begin early where workers would wait.
        """
        due, number = hearing.due, hearing.count + 1
        trials = {task.name: hearing.claim.trials(self.plan, task, number) for task in due}
        wanted = [trial for sides in trials.values() for side in sides for trial in side]
        self.dispatcher.queue(wanted, number, shared=True)
        for later in range(number + 1, min(most, number + 1 + self.workers // len(wanted)) + 1):
            self.dispatcher.queue(self._all(hearing, due, later), later, shared=True)

        def progressed(done: int, of: int) -> bool:
            if self.heard is not None:
                self.heard(hearing, done, of)
            return time.monotonic() > until

        outcomes = self._finished(wanted, number, progressed)
        if len(outcomes) < len(wanted):
            return None
        self.dispatcher.forget(wanted)
        new = {task: (pair_result(self.plan, task, sides, outcomes),) for task, sides in trials.items()}
        return {task: (*results, *new.get(task, ())) for task, results in hearing.pairs.items()}

    def _all(self, hearing: Hearing, tasks: Sequence[PlannedTask], number: int) -> list[Trial]:
        """Return the trials of a pair on some tasks."""
        return [
            trial
            for task in tasks
            for side in hearing.claim.trials(self.plan, task, number)
            for trial in side
        ]

    def _finished(
        self, trials: Sequence[Trial], number: int, progressed: Callable[[int, int], bool]
    ) -> dict[Trial, Outcome]:
        """Return how the trials of a pair ended by themselves; what the host ended is trained again, never scored."""
        ended_by_host = Counter[Trial]()
        while True:
            outcomes = self.dispatcher.finish(trials, progressed, number, shared=True)
            failed = {trial: outcome for trial, outcome in outcomes.items() if outcome.by_host}
            if not failed:
                return outcomes
            # What was refused for the deaths of other trials was not tried at all.
            ended_by_host.update(trial for trial, outcome in failed.items() if outcome != REFUSED)
            for trial, times in ended_by_host.items():
                if times >= ATTEMPTS:
                    raise _given_up(number, trial, failed.get(trial, REFUSED))
            self._forget(list(failed))

    def _forget(self, failed: Sequence[Trial]) -> None:
        """Let trials be trained again as if they had never been."""
        self.dispatcher.forget(failed)
        for trial in failed:
            self.log.drop(trial.key)
            self.dispatcher.retry.poisoned.discard(trial.subject)


def _given_up(number: int, trial: Trial, last: Outcome) -> WorkerError:
    return WorkerError(
        f"pair {number}, {trial.task}: a trial ended {ATTEMPTS} times as {last.status!r}, which says nothing of the cells; "
        f"the pairs before it are kept, and the same command goes on\n{last.reason}".rstrip()
    )


def _leader(found: Evidence) -> int:
    """Return 1 where the first cell leads, -1 where the second does, 0 where neither."""
    return (found.log_better > found.log_worse) - (found.log_better < found.log_worse)


def _task_document(found: Evidence) -> dict[str, object]:
    low, high = found.interval.low, found.interval.high
    return {
        "wins": found.wins,
        "losses": found.losses,
        "ties": found.ties,
        "e": math.exp(min(max(found.log_better, found.log_worse), LARGEST)),
        "difference": found.difference,
        "low": low if math.isfinite(low) else None,
        "high": high if math.isfinite(high) else None,
    }


def files_among(hearing: Hearing) -> list[str]:
    """Return the tasks of a claim whose data are files, so that its pairs vary initial weights and settings alone."""
    return [task.name for task in hearing.claim.tasks if not has_fresh_data(task.full_name)]
