"""One call of `evolve`: what was asked for becomes a plan, the plan a run, and the run goes on until it ends."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from archsearch.actions.cells import best_cells, find_cell
from archsearch.actions.crew import cluster_words, look_ahead_hint, open_crew
from archsearch.actions.estimate import Estimate, estimate, estimate_words
from archsearch.actions.interrupts import Stop, stop_signal
from archsearch.actions.listener import Hears, Listener, RunInfo, SearchLimits, as_listener
from archsearch.actions.loop import SearchLoop
from archsearch.actions.opening import check_candidates, named_run, run_of_plan
from archsearch.actions.own_tasks import named_sources, sources_of_run
from archsearch.actions.program import PATIENCE, AskedProgram, check_program
from archsearch.actions.request import EvolveOptions, Request
from archsearch.actions.resolve import ResolvedRequest, resolve
from archsearch.actions.resume import check_same_measurement, reopen_unused, request_of_run
from archsearch.actions.run import Run
from archsearch.actions.step_time import whole_trial_seconds
from archsearch.actions.verdict import is_due, judge_best, limits_of_search
from archsearch.cache_folder import PARTS, NoCache, cache_folder
from archsearch.cell import Cell, library
from archsearch.errors import ArchsearchError, ClusterLost, InputError
from archsearch.files import sweep
from archsearch.protocol.duration import parse_duration
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import BASELINE
from archsearch.protocol.references import reference_cells
from archsearch.resources import runs_folder
from archsearch.store import (
    CheckpointFolder,
    Ending,
    LostTrial,
    RunStore,
    Session,
    read_leaderboard,
    run_folder,
)
from archsearch.store.cache import recall
from archsearch.store.file_system import network_warning
from archsearch.tasks import TaskSource
from archsearch.workers.cluster.request import cluster_request
from archsearch.workers.devices import worker_devices
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.pool import WorkerPool
from archsearch.workers.spending import Profile, Spending
from archsearch.workers.trial_log import MemoryTrialLog

BEST = 5
"""Cells of another run that a search starts from."""

TRIED = 20.0
"""Seconds that short trials may take which tell how long a search will."""

PAUSED = "paused"
"""The folder of paused trials in that of the run, there while it is searched in."""


@dataclass(frozen=True)
class SearchResult:
    """How a search ended.

    Attributes:
        ending: Why.
        folder: Where the run lies.
        waited: The share of the workers' time that was spent waiting, from 0 to 1.
        host_failures: Trials that ended by crash, memory, timeout or an error of ours.
        profile: Where the workers' time went, the verdict included; None where nothing was searched.
    """

    ending: Ending
    folder: Path
    waited: float = 0.0
    host_failures: int = 0
    profile: Profile | None = None


def evolve(
    preset: str | None = None,
    *,
    run: str | os.PathLike[str] | None = None,
    runs: str | os.PathLike[str] | None = None,
    strategy: str | None = None,
    space: str | None = None,
    tasks: Sequence[str] | None = None,
    own: Sequence[str] = (),
    data: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    device: str = "auto",
    cluster: str | None = None,
    seed: int | None = None,
    max_candidates: int | None = None,
    max_time: str | None = None,
    changes: Mapping[str, Any] | None = None,
    start: Sequence[str | Cell] = (),
    references: Sequence[str | Cell] = (),
    best_of: str | os.PathLike[str] | None = None,
    ask: str | None = None,
    listener: Listener | Hears | None = None,
) -> Run:
    """Search for cells that beat the GRU; start a run or go on with one, as `archsearch evolve` does.

    Without `run` the newest unfinished run with the same settings goes on, else a new one begins. The same seed finds the
    same cells, however many workers train and however often the search was stopped.

    ```python
    run = archsearch.evolve("quick", seed=1, max_candidates=60)
    run.leaderboard()
    ```

    Args:
        preset: How cells are measured: "quick", "laptop", "paper" or a TOML file; None for "quick".
        run: Name or path of the run; one that exists goes on.
        runs: Folder of all runs; None for ARCHSEARCH_RUNS, else "runs".
        strategy: What each step tries, a key of STRATEGIES; None for "jozefowicz".
        space: What cells are made of: a name or a TOML file; None for "jozefowicz2015".
        tasks: Tasks of the preset, in the order of the stages; None for the preset's choice.
        own: Your own tasks, `text:FILE`, `series:FILE`, `labels:FILE` or `FILE.py:NAME`, after the others; of a run
            that exists: where they lie now.
        data: Folder of the Penn Treebank's files.
        workers: Worker processes; None for one per GPU or CPU core.
        device: "auto" (all GPUs, else the CPU), "cpu", or "cuda:0,cuda:1".
        cluster: The Ray cluster that trains, "auto" or "HOST:PORT"; None for this machine.
        seed: The run's seed; None for 0.
        max_candidates: Candidates of the run in all; switches the preset's time off.
        max_time: Time of search in all: "90s", "30m", "2h".
        changes: What the preset says otherwise, by key, such as {"own.steps": 3000}.
        start: Start cells in the place of the preset's: cells, or names as on the command line.
        references: More references, likewise.
        best_of: Another run, whose five best are start cells, too.
        ask: The command of the program that the strategy "external" asks, such as "python mine.py".
        listener: Hears of the search: a `Listener`, or a function of one event (`RunInfo`, `Progress`, `ToldStep`, or a
            text that people should read). None: nothing is printed.

    Returns:
        The run, with its leaderboard, its cells and its trials.

    Raises:
        ArchsearchError: What was asked for cannot be done; nothing half-made is left behind.
        KeyboardInterrupt: It was stopped. All that ended is stored, and the same call goes on with it.
    """
    folder = runs_folder(runs)
    more = () if best_of is None else best_cells(os.fspath(best_of), folder, BEST)
    options = EvolveOptions(
        request=Request(
            preset=preset,
            strategy=strategy,
            space=space,
            tasks=None if tasks is None else tuple(tasks),
            own=tuple(own),
            seed=seed,
            changes=changes or {},
            start=(*(_cell(each, folder) for each in start), *more),
            references=tuple(_cell(each, folder) for each in references),
        ),
        runs=folder,
        run=None if run is None else os.fspath(run),
        data=None if data is None else Path(data),
        devices=worker_devices(device, workers) if cluster is None else (),
        cluster=None if cluster is None else cluster_request(cluster, device, workers),
        max_candidates=max_candidates,
        max_seconds=parse_duration(max_time) if max_time else None,
        ask=ask,
    )
    result = search(options, as_listener(listener))
    if result.ending == "interrupted":
        raise KeyboardInterrupt(
            f"{result.folder} holds all that ended; archsearch.evolve(run=…) goes on with it"
        )
    return Run(result.folder)


def _cell(given: str | Cell, runs: Path) -> Cell:
    return given if isinstance(given, Cell) else find_cell(given, runs).cell


def search(
    options: EvolveOptions, listener: Listener, check: Callable[[RunPlan], None] | None = None
) -> SearchResult:
    """Start a run or go on with one, until it is finished or interrupted.

    Args:
        options: What was asked for.
        listener: Hears of it.
        check: Raises where a run of such a plan must not be made.

    Raises:
        ArchsearchError: What was asked for cannot be done; nothing half-made is left behind.
    """
    _check_options(options)
    _sweep(options)
    with stop_signal() as stop, ExitStack() as stack:
        folder = run_folder(options.run, options.runs) if options.run is not None else None
        existing = named_run(stack, options, folder)
        resolved = _resolved(options, existing)
        check_program(options.ask, resolved.strategy)
        sources = _sources(options, resolved, existing)
        pool = stack.enter_context(open_crew(options, _data(options, existing), sources, listener.said))
        probed = resolved.probed(pool)
        if existing is not None:
            check_same_measurement(existing.facts.plan, probed.facts, probed.hello)
            store, new = existing, False
        else:
            plan = _checked(resolved.plan(probed))
            store, new = run_of_plan(stack, options, plan, folder, check=check)
        if not store.facts.scored:
            store.facts.scored = probed.scored
        info = _recovered(store, options.limits(store.facts.plan.preset), new=new, note=resolved.note)
        info = replace(info, trouble=probed.hello.trouble, cluster=cluster_words(options, pool))
        pool.name_workers(f"archsearch evolve {info.folder.name}")
        listener.opened(info)
        if warning := network_warning(info.folder):
            listener.said(warning)
        if new:
            listener.said(estimate_words(_estimate(store.facts.plan, options, pool)))
            if options.cluster is not None and (hint := look_ahead_hint(store.facts.plan, len(pool.devices))):
                listener.said(hint)
        program = None
        if options.ask is not None:
            program = stack.enter_context(AskedProgram(options.ask, store, options.ask_seconds or PATIENCE))
        return _searched(info, store, pool, listener, stop, program=program)


def preview(options: EvolveOptions) -> tuple[RunPlan, Estimate]:
    """Return what a search would begin, checked as it would be, and how long it would take; no run is made.

    Args:
        options: What was asked for.

    Raises:
        ArchsearchError: What was asked for cannot be done, or the run exists.
    """
    _check_options(options)
    if options.run is not None and run_folder(options.run, options.runs).exists():
        raise InputError(
            f"--dry-run is for a run that has not begun; 'archsearch status {options.run}' says how this one goes"
        )
    resolved = _resolved(options, None)
    check_program(options.ask, resolved.strategy)
    sources = _sources(options, resolved, None)
    with open_crew(options, _data(options, None), sources) as pool:
        plan = _checked(resolved.plan(resolved.probed(pool)))
        found = _estimate(plan, options, pool)
        if found.least_rate is None:
            gru = library.load(BASELINE)
            dispatcher = Dispatcher(MemoryTrialLog(), pool, {gru.id: gru}.__getitem__)
            found = _estimate(plan, options, pool, whole_trial_seconds(plan, gru, dispatcher, TRIED))
    return plan, found


def _estimate(
    plan: RunPlan, options: EvolveOptions, pool: WorkerPool, measured: Mapping[str, float] | None = None
) -> Estimate:
    return estimate(plan, len(pool.devices), options.limits(plan.preset), recall, measured)


def _check_options(options: EvolveOptions) -> None:
    if options.max_candidates is not None and options.max_candidates < 1:
        raise InputError(f"--max-candidates {options.max_candidates}: a run has at least 1 candidate")
    if options.request.tasks == ():
        raise InputError("--tasks names no task; give some, such as --tasks arithmetic,xml")
    if options.ask_seconds is not None and options.ask is None:
        raise InputError("--ask-time is how long the program of --ask may take: give both, or neither")


def _resolved(options: EvolveOptions, existing: RunStore | None) -> ResolvedRequest:
    """Return what is searched: as an existing run was asked for, else with defaults for what was not said."""
    if existing is None:
        return resolve(options.request, options.data)
    resolved = request_of_run(options.request, existing.facts.plan)
    check_candidates(options, existing)
    return resolved


def _sources(
    options: EvolveOptions, resolved: ResolvedRequest, existing: RunStore | None
) -> dict[str, TaskSource]:
    """Return where the user's own tasks lie: as named now, or as a run has them; what is not theirs is not run."""
    if existing is None:
        return named_sources(question.task for question in resolved.questions)
    return sources_of_run(existing.facts.plan, existing.facts.sources, options.request.own)


def _data(options: EvolveOptions, existing: RunStore | None) -> str | None:
    """Return the folder of the tasks' files: as given now, or as a resumed run was given it."""
    if options.data is not None:
        return str(options.data.resolve())
    return existing.facts.data if existing is not None else None


def _checked(plan: RunPlan) -> RunPlan:
    """Return a plan whose budgets are large enough for its references."""
    plan.check_references(reference_cells(plan))
    return plan


def _sweep(options: EvolveOptions) -> None:
    """Remove what killed processes left half-made."""
    sweep(options.runs)
    with contextlib.suppress(NoCache):
        for part in PARTS:
            sweep(cache_folder() / part)


def _recovered(store: RunStore, limits: SearchLimits, new: bool, note: str) -> RunInfo:
    """Put what a killed session left running back to the queue, and return what the run has."""
    store.trials.look_through()
    reopen_unused(store)
    queued = store.trials.interrupt()
    told, candidates = store.standings.told_and_candidates()
    return RunInfo(
        folder=store.folder,
        plan=store.facts.plan,
        new=new,
        told=told,
        candidates=candidates,
        trials=store.trials.count(),
        queued=queued,
        limits=limits,
        finished=_is_finished(store, limits, candidates),
        note=note,
    )


def _is_finished(store: RunStore, limits: SearchLimits, candidates: int) -> bool:
    if limits.max_seconds is not None and store.facts.elapsed >= limits.max_seconds:
        return _is_whole(store)
    reached = limits.max_candidates is not None and candidates >= limits.max_candidates
    return reached and _is_whole(store) and not is_due(store, store.facts.plan, limits)


def _is_whole(store: RunStore) -> bool:
    """Whether all results of a finished run are there; those that are not are trained again."""
    try:
        return read_leaderboard(store, "").noise is not None
    except LostTrial:
        return False


def _searched(
    info: RunInfo,
    store: RunStore,
    pool: WorkerPool,
    listener: Listener,
    stop: Stop,
    *,
    program: AskedProgram | None,
) -> SearchResult:
    """Search in an opened run, unless it is finished, and note how that ended."""
    if pool.data is not None:
        store.facts.data = pool.data
    if pool.sources:
        store.facts.sources = pool.sources
    if info.finished:
        store.facts.ended = "finished"
        return SearchResult("finished", info.folder)
    store.facts.ended = None
    store.facts.session = msgspec.structs.replace(
        store.facts.session or Session(),
        max_candidates=info.limits.max_candidates,
        max_seconds=info.limits.max_seconds,
        host=socket.gethostname(),
    )
    try:
        result = _ended_search(info, store, pool, listener, stop, program=program)
    except ClusterLost as lost:
        store.trials.interrupt()
        words = f"all that ended is stored. Go on with, here or with --cluster: archsearch evolve --run {info.folder}"
        raise ClusterLost(f"{lost}; {words}") from None
    except BaseException:
        with contextlib.suppress(ArchsearchError):  # a full disk: the next start does it
            store.trials.interrupt()
        raise
    store.trials.interrupt()
    if result.ending != "interrupted":
        store.facts.ended = result.ending
    return result


def _ended_search(
    info: RunInfo,
    store: RunStore,
    pool: WorkerPool,
    listener: Listener,
    stop: Stop,
    *,
    program: AskedProgram | None,
) -> SearchResult:
    """Run the loop to its end, then the verdict; the workers and the paused trials are gone then."""
    limits = limits_of_search(info.limits, info.plan)
    with _paused_trials(info.folder) as checkpoints:
        spending = Spending(frozenset(cell.id for cell in reference_cells(info.plan).values()))
        dispatcher = Dispatcher(
            store.trials, pool, store.cells.read, checkpoints, info.plan.pauses, spending=spending
        )
        loop = SearchLoop(
            store, info.plan, dispatcher, limits, listener, stopped=lambda: stop.asked, program=program
        )
        stop.gently = True
        driver, waited, workers = time.process_time(), 0.0, len(pool.devices)
        try:
            ending = loop.run()
            seconds = workers * (loop.elapsed - loop.before)
            if ending != "interrupted" and info.plan.preset.search.verdict:
                waited = _judged(info, store, pool, loop)
                ending = "interrupted" if loop.stopped() else ending
        finally:
            pool.stop()
    profile = Profile(
        offered=workers * (loop.elapsed - loop.before),
        waited=dispatcher.waited + waited,
        seconds=spending.seconds,
        trials=spending.trials,
        driver=time.process_time() - driver,
    )
    share = dispatcher.waited / max(1e-9, seconds)
    return SearchResult(ending, info.folder, share, dispatcher.host_failures, profile)


def _judged(info: RunInfo, store: RunStore, pool: WorkerPool, loop: SearchLoop) -> float:
    """Let the referee judge what a search has found, with its workers; return for how many seconds these waited."""
    loop.settle()
    pool.free()
    try:
        return judge_best(
            store,
            info.plan,
            pool,
            info.limits,
            loop.listener,
            elapsed=lambda: loop.elapsed,
            stopped=loop.stopped,
            spending=loop.dispatcher.spending,
        )
    finally:
        store.facts.elapsed = loop.elapsed


@contextmanager
def _paused_trials(folder: Path) -> Iterator[CheckpointFolder]:
    """Give the folder of paused trials, empty before, whatever a killed session left there, and gone afterwards."""
    checkpoints = CheckpointFolder(folder.resolve() / PAUSED)
    checkpoints.sweep()
    try:
        yield checkpoints
    finally:
        checkpoints.sweep()
