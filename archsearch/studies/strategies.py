"""Strategies side by side: as many trials each, several seeds, and what the referee says of the cells that they end with.

The runs are ordinary ones, in a folder of the study, and one that is complete is not run again. `comparison` says what
came of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import msgspec

from archsearch.actions.evolve import search
from archsearch.actions.judge import Bench
from archsearch.actions.listener import SearchEvent, ToldStep, as_listener
from archsearch.actions.request import EvolveOptions, Request
from archsearch.actions.resume import request_of_run
from archsearch.cell import Cell, library
from archsearch.errors import InputError
from archsearch.protocol.claims import Claim, ledger_of
from archsearch.protocol.evaluation import count_trials
from archsearch.protocol.hearing import Hearing
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.recorded import RecordedTrials
from archsearch.protocol.records import BASELINE
from archsearch.search import STRATEGIES, external
from archsearch.store import Lock, RunStore
from archsearch.store.claims import RunLedger
from archsearch.store.run_store import FILE
from archsearch.studies.courses import Course, read_course
from archsearch.studies.simulation import check_simulated, search_simulated, simulated_plan
from archsearch.words import did_you_mean, short_id
from archsearch.workers.messages import Probe
from archsearch.workers.pool import WorkerPool
from archsearch.workers.probe import probe

NO_VERDICT = {"search.verdict": 0.0}
"""A run of the study ends with its trials: what the referee says of its cell is asked for, or not."""

Said = Callable[[str], object]
"""Is told what is being done, in words."""


@dataclass(frozen=True)
class StudyOptions:
    """What is asked for.

    Attributes:
        folder: Where the runs of the study lie.
        strategies: Keys of STRATEGIES.
        seeds: Runs of each strategy, with the seeds 0, 1, 2 ...
        trials: Trials of each run.
        preset: How cells are measured: a name or a TOML file.
        tasks: Tasks of the preset; None for its choice.
        data: Folder of the Penn Treebank's files.
        devices: One device per worker.
        simulated: Answers in the place of training, from a file of candidates, whose plan says preset and tasks.
        space: What cells are made of: a name or a TOML file; None for the usual one.
    """

    folder: Path
    strategies: tuple[str, ...]
    seeds: int
    trials: int
    preset: str
    tasks: tuple[str, ...] | None
    data: Path | None
    devices: tuple[str, ...]
    simulated: RecordedTrials | None = None
    space: str | None = None


@dataclass(frozen=True)
class StudiedRun:
    """A run of the study.

    Attributes:
        strategy: Its strategy.
        seed: Its seed.
        folder: Where it lies.
        course: How it went.
        hearing: What the referee says of its final cell against the GRU; None if it was not asked, or there is no cell.
    """

    strategy: str
    seed: int
    folder: Path
    course: Course
    hearing: Hearing | None = None


def check_strategies(names: Sequence[str]) -> None:
    """Refuse names that are no strategies, or come twice.

    Raises:
        InputError: Names the first, and what there is.
    """
    for name in names:
        if name not in STRATEGIES:
            hint = did_you_mean(name, STRATEGIES, " ({})")
            raise InputError(f"--strategies: no strategy {name!r}{hint}; there are {', '.join(STRATEGIES)}")
        if name == external.NAME:
            raise InputError(
                f"--strategies: {name} asks a program; 'archsearch evolve --strategy {name}' takes one"
            )
        if names.count(name) > 1:
            raise InputError(f"--strategies: {name} is said twice")


# -- the runs ---------------------------------------------------------------------------------------------------


def run_all(options: StudyOptions, said: Said) -> list[StudiedRun]:
    """Search until every run has its trials, all strategies with one seed before any with the next; return how they went.

    Args:
        options: What is asked for.
        said: Told what is being done.

    Raises:
        InputError: A run in the folder was asked for otherwise.
        KeyboardInterrupt: It was stopped; what has ended is stored, and the same call goes on.
    """
    names = [(strategy, seed) for seed in range(options.seeds) for strategy in options.strategies]
    studied = []
    for number, (strategy, seed) in enumerate(names, 1):
        folder = options.folder / f"{strategy}-{seed}"
        progress = _Progress(f"run {number} of {len(names)}, {folder.name}", said)
        make = _trained if options.simulated is None else partial(_simulated, options.simulated)
        make(options, folder, strategy, seed, progress)
        with RunStore.open(folder) as store:
            studied.append(StudiedRun(strategy, seed, folder, read_course(store, options.trials)))
    return studied


def _trained(options: StudyOptions, folder: Path, strategy: str, seed: int, progress: _Progress) -> None:
    """Make a run by training, or go on with it, unless it is complete."""
    request = Request(
        preset=options.preset,
        strategy=strategy,
        space=options.space,
        tasks=options.tasks,
        seed=seed,
        changes=NO_VERDICT,
    )
    if not _is_complete(folder, lambda store: request_of_run(request, store.facts.plan), options.trials):
        _search(options, folder, request, progress)


def _simulated(
    answer: RecordedTrials,
    options: StudyOptions,
    folder: Path,
    strategy: str,
    seed: int,
    progress: _Progress,
) -> None:
    """Make a run whose trials a file answers, likewise."""
    plan = simulated_plan(answer.file, strategy, seed)
    if not _is_complete(folder, lambda store: check_simulated(store, plan), options.trials):
        search_simulated(folder, plan, answer, options.trials, progress)


def _is_complete(folder: Path, check: Callable[[RunStore], object], trials: int) -> bool:
    """Whether a run is there and has its trials, or its search has nothing left to try.

    Args:
        folder: Of the run.
        check: Refuses one that was asked for otherwise.
        trials: That it is to have.

    Raises:
        InputError: It was asked for otherwise.
    """
    if not (folder / FILE).exists():
        return False
    with RunStore.open(folder) as store:
        check(store)
        told = [(step, verdict) for step, verdict in store.steps.read() if verdict is not None]
        spent = sum(count_trials(step, verdict.reached) for step, verdict in told)
        return spent >= trials or store.facts.ended == "exhausted"


class _Progress:
    """Says how far a run is.

    Args:
        lead: What comes before.
        said: Is told.

    Attributes:
        lead, said: The same.
        trials: Trials of steps that were told.
    """

    def __init__(self, lead: str, said: Said) -> None:
        self.lead, self.said, self.trials = lead, said, 0

    def __call__(self, event: SearchEvent) -> None:
        if isinstance(event, ToldStep):
            self.trials += count_trials(event.step, event.verdict.reached)
            self.said(f"{self.lead}: {self.trials} trials")


def _search(options: StudyOptions, folder: Path, request: Request, progress: _Progress) -> None:
    asked = EvolveOptions(
        request=request,
        runs=options.folder,
        run=str(folder.resolve()),
        data=options.data,
        devices=options.devices,
        max_candidates=None,
        max_seconds=None,
        max_trials=options.trials,
    )
    if search(asked, as_listener(progress)).ending == "interrupted":
        raise KeyboardInterrupt


# -- the referee ------------------------------------------------------------------------------------------------


def judge_all(options: StudyOptions, runs: Sequence[StudiedRun], pairs: int, said: Said) -> list[StudiedRun]:
    """Return the runs with what the referee says of the cell that each ended with, on fresh pairs against the GRU.

    Each claim stands in the ledger of its own run, as those of `archsearch confirm` do.

    Args:
        options: What the study was asked for.
        runs: Its runs.
        pairs: Most pairs of a claim.
        said: Told what is being done.
    """
    gru, cells = library.load(BASELINE), {}
    for run in runs:
        if run.course.final is not None:
            with RunStore.open(run.folder) as store:
                plan, cells[run.course.final.id] = store.facts.plan, store.cells.read(run.course.final.id)
    if not cells:
        return list(runs)
    data = str(options.data.resolve()) if options.data else None
    with WorkerPool(list(options.devices), data) as pool:
        pool.name_workers("archsearch study strategies")
        hello = probe(pool, [Probe(task.full_name) for task in plan.tasks]).hello
        here = msgspec.structs.replace(plan, engine=hello.engine, machine=hello.machine)
        bench = Bench(here, pool, [*cells.values(), gru], None)
        judged = []
        for number, run in enumerate(runs, 1):
            said(f"final cell {number} of {len(runs)}, of {run.folder.name}")
            hearing = _heard(here, bench, run, gru, pairs) if run.course.final else None
            judged.append(replace(run, hearing=hearing))
    return judged


def _heard(plan: RunPlan, bench: Bench, run: StudiedRun, gru: Cell, pairs: int) -> Hearing:
    """Return the hearing of a run's final cell against the GRU, on the terms of the verdict that ends a search."""
    assert run.course.final is not None
    cell = run.course.final.id
    claim = Claim.of(plan, cell, gru.id, plan.preset.search.verdict_settings, ledger_of(plan))
    with Lock(run.folder), RunStore.open(run.folder, write=True) as store:
        ledger = RunLedger(store)
        number = ledger.enter(claim)
        hearing = Hearing(claim, number, (short_id(cell), BASELINE), ledger.pairs(claim))
        return bench.heard_out(hearing, ledger, pairs, over=lambda: False, for_ruling=True)
