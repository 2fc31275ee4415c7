"""The referee at work: trains fresh pairs of two cells until it can say which is better, or that it cannot.

Pairs are asked for in order, and whether another one is needed follows from those before it: so the verdict is the same for
any number of workers and after any number of kills.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path

import msgspec

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
    Pairs,
    pair_result,
)
from archsearch.protocol.equality import Equal, equality
from archsearch.protocol.hearing import Hearing
from archsearch.protocol.loading import load_preset
from archsearch.protocol.plan import PlannedTask, RunPlan
from archsearch.protocol.records import Outcome, Trial
from archsearch.store.claims import Ledger, UserLedger, made_before
from archsearch.tasks import TASKS, TaskName
from archsearch.tasks.lengths import READ_OUTS, LengthTask
from archsearch.workers.devices import worker_devices
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.pool import WorkerPool
from archsearch.workers.retry import REFUSED
from archsearch.workers.spending import Spending
from archsearch.workers.trial_log import MemoryTrialLog

ATTEMPTS = 3
"""How often a trial that the host ends is trained before the command gives up; it is never scored."""

Heard = Callable[[Hearing, int, int], object]
"""Is told what is known, and how many trials of how many of the next pair have ended."""

Over = Callable[[], bool]
"""Says whether the time is over."""


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
    length: int | None = None,
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
        tasks: Tasks of the preset, `text:FILE`, `series:FILE`, `labels:FILE` or `FILE.py:NAME`; none takes those that
            the preset searches with.
        preset: How cells are measured: a name or a TOML file.
        pairs: Pairs after which no more are trained.
        settings: Settings of a pair; fewer are used where the preset's grid has fewer.
        scale: How many times the preset's parameters and steps.
        equal: What is the same for both: "parameters"; "width", the second's; "flops" or "time", of the whole training.
        length: Steps of the sequences that the cells are compared on, of `READ_OUTS`; None for the test set.
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
    over = time_limit(max_seconds)
    cells = [cell if isinstance(cell, Cell) else load_cell(cell, runs) for cell in (a, b)]
    folder = Path(data).resolve() if data else None
    request = _request(preset, tasks, scale, folder)
    if length is not None:
        _check_length(length, [task.full_name for task in request.tasks])
    devices = list(worker_devices(device, workers))
    sources = named_sources(question.task for question in request.questions)
    with WorkerPool(devices, str(folder) if folder else None, sources) as pool:
        pool.name_workers(f"archsearch judge {cells[0].name} {cells[1].name}")
        plan = request.plan(request.probed(pool))
        _check(plan, cells)
        bench, ledger = Bench(plan, pool, cells, heard), UserLedger()
        plain = Claim.of(plan, cells[0].id, cells[1].id, settings)
        if length is not None:
            plain = msgspec.structs.replace(plain, length=length)
        claim = bench.claim(plain, cells, equal, ledger)
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
            hearing = bench.heard_out(hearing, ledger, pairs, over)
    return hearing


def time_limit(seconds: float | None) -> Over:
    """Return what says whether so many seconds from now on are over; None for no limit."""
    until = math.inf if seconds is None else time.monotonic() + seconds
    return lambda: time.monotonic() > until


def _request(preset: str, tasks: Sequence[str], scale: float, data: Path | None) -> ResolvedRequest:
    name, rules = load_preset(preset)
    wanted = tuple(tasks) or usual_tasks(rules, data)[0]
    for task in wanted:
        if wanted.count(task) > 1:
            raise InputError(f"task {task!r} is given twice")
    resolved = tuple(resolve_task(name, rules, task).scaled(scale) for task in wanted)
    return ResolvedRequest(name, rules, resolved)


def _check_length(length: int, tasks: Sequence[str]) -> None:
    """Refuse a length that nothing is read out at, and tasks that are not read out.

    Raises:
        InputError: Names it, or the first of these.
    """
    if length not in READ_OUTS:
        there = ", ".join(map(str, READ_OUTS))
        raise InputError(f"length {length}: cells are read out at {there} steps; take one of these")
    read_out = [
        name
        for name, family in TASKS.items()
        if family.longer is not None and isinstance(family.longer(1), LengthTask)
    ]
    for task in tasks:
        if TaskName.parse(task).family not in read_out:
            there = ", ".join(read_out)
            raise InputError(f"--length: {task} is not read out on longer sequences; these are: {there}")


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
        spending: Where the seconds of trials are added up; None: nowhere.

    Attributes:
        plan: The same.
        heard: The same.
        log: Outcomes so far.
        dispatcher: Hands trials to the workers.
        workers: How many there are.
    """

    def __init__(
        self,
        plan: RunPlan,
        pool: WorkerPool,
        cells: Sequence[Cell],
        heard: Heard | None,
        spending: Spending | None = None,
    ) -> None:
        self.plan, self.heard = plan, heard
        self.log = MemoryTrialLog()
        by_id = {cell.id: cell for cell in cells}
        self.dispatcher = Dispatcher(self.log, pool, by_id.__getitem__, spending=spending)
        self.workers = len(pool.devices)

    def under(self, plan: RunPlan) -> Bench:
        """Return a bench with the same workers for another plan."""
        other = copy(self)
        other.plan = plan
        return other

    def claim(self, plain: Claim, cells: Sequence[Cell], equal: Equal, ledger: Ledger) -> Claim:
        """Return a claim at equal parameters, or on other terms; one that was made before is as it was made.

        Args:
            plain: The claim at equal parameters.
            cells: Its two cells.
            equal: What is the same for both.
            ledger: Where claims are entered.
        """
        if (before := made_before(ledger, plain, equal)) is not None:
            return before
        if equal == "parameters":
            return plain
        a, b = cells
        seconds = measured_ratio(self.plan, a, b, self.dispatcher) if equal == "time" else None
        return msgspec.structs.replace(plain, equal=equality(self.plan, a, b, equal, seconds))

    def heard_out(
        self, hearing: Hearing, ledger: Ledger, pairs: int, over: Over, *, for_ruling: bool = False
    ) -> Hearing:
        """Return a hearing with so many pairs, each kept as soon as it is there, or fewer if they decide or time is over.

        Args:
            hearing: What is known.
            ledger: Where its claim is entered and held.
            pairs: The most.
            over: Says when to stop.
            for_ruling: Whether it ends, too, once no ruling can come of so many pairs any more.
        """
        while hearing.due and hearing.count < pairs and not (for_ruling and hearing.is_futile(pairs)):
            more = self.next_pair(hearing, over, pairs)
            if more is None:
                break
            hearing = replace(hearing, pairs=more)
            ledger.keep(hearing.claim, more)
        return hearing

    def next_pair(self, hearing: Hearing, over: Over, most: int) -> Pairs | None:
        """Return all pairs with the next one on every task that is due; None if the time was over before.

        Args:
            hearing: What is known.
            over: Says when to stop.
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
            return over()

        outcomes = self._finished(wanted, number, progressed)
        if len(outcomes) < len(wanted):
            return None
        self.dispatcher.forget(wanted)
        length = hearing.claim.length
        new = {
            task: (pair_result(self.plan, task, sides, outcomes, length),) for task, sides in trials.items()
        }
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
