"""A search of any size with the real driver, store and rule, whose workers answer at once and whose cells cost nothing.

What is measured is therefore what a run itself costs: asking, evaluating, telling, and the database on the disk.
A child is a copy of the GRU under another id; making a real one takes some 3 ms, however large the run is.
"""

from __future__ import annotations

import copy
import math
import os
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil

from archsearch.actions.evolve import _recovered
from archsearch.actions.listener import EventListener, SearchEvent, SearchLimits, ToldStep
from archsearch.actions.loop import SearchLoop
from archsearch.cell import Cell, library
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Outcome, Trial
from archsearch.search import STRATEGIES, Search, sees
from archsearch.search.view import Asked, Drawn, View
from archsearch.store import RunStore, make_run, read_for_search, read_leaderboard
from archsearch.store.database import Database
from archsearch.store.tables import CellTable
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.messages import Hello, Job, Result
from archsearch.workers.pool import Worker
from tests.helpers.plans import FACTS, GRID, done, preset, run_plan, task_plan

STRATEGY = "free cells"
WORKERS, LOOK_AHEAD, POOL = 64, 128, 100
LAST = 1_000
"""Steps, before a mark, whose mean time is given."""

BASE = library.load("gru")


def plan_of(k: int = 5, pool: int = POOL, look_ahead: int = LOOK_AHEAD) -> RunPlan:
    """Return a plan of two tasks, where most cells pass the filter and the gate.

    Args:
        k: Settings of a step on each task.
        pool: How many candidates are re-examined and mutated.
        look_ahead: How many steps are open at a time.
    """
    rules = task_plan(k=k, G=4 * k, gate=0.1, rungs=())
    tasks = {"arithmetic": rules, "xml": rules}
    given = preset(
        tasks, grid=grid_of(4 * k), look_ahead=look_ahead, pool=pool, noise_draws=2, max_candidates=10**7
    )
    return run_plan(given, STRATEGY)


def grid_of(count: int) -> Any:
    """Return a grid of at least so many settings."""
    rates = tuple(0.001 * (1 + number) for number in range(-(-count // 4)))
    return type(GRID)(optimiser=GRID.optimiser, rate=rates, scale=GRID.scale, clip=GRID.clip)


def cell_called(identity: str) -> Cell:
    """Return a copy of the GRU under another id."""
    cell = copy.copy(BASE)
    cell.__dict__["_identity"] = replace(BASE._identity, id=identity)
    return cell


def free_cells(view: View) -> Asked:
    """Return the next step as the search of 2015 does, with a child that costs nothing."""
    if view.rng.random() < view.plan.preset.search.reexamine and (asked := view.reexamination()):
        return asked
    members = view.history.pool
    parent = members[int(view.rng.integers(len(members)))]
    return view.proposal(lambda: Drawn(parent.id, cell_called(f"c{view.rng.bytes(16).hex()}"), ()))


def answer(trial: Trial) -> Outcome:
    """Return how a trial ends, from the cell's id alone: nine of ten cells pass the filter, and some beat the GRU."""
    luck = zlib.crc32(f"{trial.cell} {trial.task} {trial.init_draw}".encode()) / 2**32
    if trial.stop_at is not None:
        return done(0.97 if luck < 0.9 else 0.5)
    skill = 0.39 + 0.02 * luck if trial.cell == BASE.id else 0.1 + 0.4 * luck
    facts = FACTS[trial.task.partition(":")[0]]
    return done(facts.floor + skill * (facts.ceiling - facts.floor))


class InstantPool:
    """Workers that have an answer as soon as they are asked, in this process."""

    def __init__(self, count: int, world: Callable[[Trial], Outcome]) -> None:
        self.devices, self.data, self.world = ["cpu"] * count, None, world
        process: Any = SimpleNamespace(pid=1)
        pipe: Any = None
        self.workers = [Worker(place, process, pipe, Hello("here", "simulated 1")) for place in range(count)]
        self.given: list[tuple[Worker, Job]] = []

    @property
    def idle(self) -> list[Worker]:
        """The workers without a job."""
        return [worker for worker in self.workers if worker.job is None]

    def give(self, worker: Worker, job: Job) -> None:
        """Hand a worker a job."""
        worker.job, worker.begun = job, True
        self.given.append((worker, job))

    def events(self, timeout: float) -> Iterator[tuple[Worker, Result]]:
        """Yield the answers to all jobs."""
        given, self.given = self.given, []
        for worker, job in given:
            for index, trial in enumerate(job.trials):
                yield worker, Result(job.number, index, self.world(trial))


class Meter:
    """What a search costs while it grows.

    Attributes:
        marks: Numbers of candidates at which a line is due.
        said: Takes the lines.
        steps: When each of the last steps was told, by the clock and in seconds of the processor.
        asking: Seconds of the processor in each of the last asks.
        commits: Transactions so far.
        trials: Trials that ended so far.
        lines: What was measured at each mark: candidates, ms per ask, ms per step.
    """

    def __init__(self, marks: Sequence[int], said: Callable[[str], object]) -> None:
        self.marks, self.said = list(marks), said
        self.steps: deque[tuple[float, float]] = deque(maxlen=LAST)
        self.asking: deque[float] = deque(maxlen=LAST)
        self.commits = self.trials = 0
        self.lines: list[tuple[int, float, float]] = []
        self.began = time.perf_counter()
        self.loop: SearchLoop | None = None

    def hear(self, event: SearchEvent) -> None:
        """Note that a step was told, and say how things are at a mark."""
        if not isinstance(event, ToldStep) or self.loop is None:
            return
        self.steps.append((time.perf_counter(), time.process_time()))
        candidates = self.loop.search.told.counts.candidates
        if self.marks and candidates >= self.marks[0]:
            self.marks.pop(0)
            self._line(candidates)

    def _per_step(self) -> list[float]:
        """Return the mean milliseconds of the last steps, by the clock and of the processor."""
        first, last = self.steps[0], self.steps[-1]
        return [(b - a) / max(1, len(self.steps) - 1) * 1000 for a, b in zip(first, last, strict=True)]

    def _line(self, candidates: int) -> None:
        assert self.loop is not None
        (wall, step), ask = self._per_step(), 1000 * sum(self.asking) / len(self.asking)
        seconds = time.perf_counter() - self.began
        self.lines.append((candidates, ask, step))
        memory = psutil.Process().memory_info().rss / 2**20
        size = sum(file.stat().st_size for file in self.loop.store.folder.glob("run.db*")) / 2**20
        self.said(
            f"{candidates:>7} candidates {self.loop.search.told.told:>7} steps {self.trials:>8} trials  "
            f"ask {ask:.3f} ms  step {step:.2f} ms ({wall:.2f} by the clock)  {self.commits / seconds:.0f} commits/s  "
            f"{self.trials / seconds:.0f} trials/s  {memory:.0f} MiB  database {size:.0f} MiB  {seconds:.0f} s"
        )


def searched(
    folder: Path,
    candidates: int,
    marks: Sequence[int] = (),
    said: Callable[[str], object] = print,
    plan: RunPlan | None = None,
) -> Meter:
    """Search until a run has so many candidates, and return what that cost.

    Args:
        folder: The run's; it must not be there.
        candidates: How many.
        marks: Numbers of candidates at which a line is said.
        said: Takes the lines.
        plan: The run's; None for the usual one.
    """
    STRATEGIES[STRATEGY] = free_cells
    meter, plan = Meter(marks, said), plan or plan_of()
    make_run(folder, plan)
    commit, ask = Database._commit, Search.ask

    def counted(database: Database) -> None:
        meter.commits += 1
        commit(database)

    def timed(search: Search, *given: Any) -> Asked:
        began = time.process_time()
        asked = ask(search, *given)
        meter.asking.append(time.process_time() - began)
        return asked

    def answered(trial: Trial) -> Outcome:
        meter.trials += 1
        return answer(trial)

    Database._commit, Search.ask = counted, timed  # type: ignore[method-assign]
    try:
        with RunStore.open(folder, write=True) as store:
            pool: Any = InstantPool(WORKERS, answered)
            limits = SearchLimits(max_candidates=candidates)
            dispatcher = Dispatcher(store.trials, pool, lambda _: BASE)
            loop = SearchLoop(store, plan, dispatcher, limits, EventListener(meter.hear), lambda: False)
            meter.loop = loop
            loop.run()
    finally:
        Database._commit, Search.ask = commit, ask  # type: ignore[method-assign]
    return meter


def reopened(folder: Path) -> tuple[float, float]:
    """Return the seconds that the leaderboard of a run takes, and those until a search in it goes on."""
    read = CellTable._read
    CellTable._read = lambda _, identity: cell_called(identity)  # type: ignore[method-assign]
    try:
        began = time.perf_counter()
        with RunStore.open(folder) as store:
            board = read_leaderboard(store, folder.name)
            assert len([row for row in board.rows if row.rank is not None]) == POOL
        between = time.perf_counter()
        with RunStore.open(folder, write=True) as store:
            info = _recovered(store, SearchLimits(), new=False, note="")
            assert info.told == board.told and info.candidates == board.candidates
            plan, pool = store.facts.plan, InstantPool(1, answer)
            Dispatcher(store.trials, pool, store.cells.read)  # type: ignore[arg-type]
            told, seen, steps = read_for_search(store, plan, sees(plan, store.steps.count()))
            search = Search(plan, told.baseline, {}, told=told, seen=seen)
            search.restore(steps)
            assert search.told.told == board.told
        return between - began, time.perf_counter() - between
    finally:
        CellTable._read = read  # type: ignore[method-assign]


def exponent(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return p of a cost that grows as size^p, from two pairs of size and cost."""
    return math.log(other[1] / one[1]) / math.log(other[0] / one[0])


def report(folder: Path, candidates: int) -> None:
    """Run one search of a size and print what it costs, line by line as it goes."""

    def said(text: str) -> None:
        print(text, flush=True)

    marks = [mark for mark in (300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000) if mark < candidates]
    meter = searched(folder, candidates, [*marks, candidates], said)
    if len(meter.lines) > 1:
        (small, *first), (large, *last) = meter.lines[-3:][0], meter.lines[-1]
        powers = [exponent((small, a), (large, b)) for a, b in zip(first, last, strict=True)]
        said(
            f"from {small} to {large} candidates: ask grows as n^{powers[0]:.2f}, a step as n^{powers[1]:.2f}"
        )
    board, resume = reopened(folder)
    said(f"leaderboard {board:.2f} s, resume {resume:.2f} s; process {os.getpid()}")
