"""One call of `evolve`: what was asked for becomes a plan, the plan a run, and the run goes on until it ends."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

import msgspec

from archsearch.actions.loop import Ending, Limits, SearchLoop, Watcher
from archsearch.actions.resolve import Request, check_same_measurement, request_of_run, resolve
from archsearch.errors import InputError, RunLocked, StoreError
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.preset import Preset, parse_duration
from archsearch.store import (
    CheckpointFolder,
    Lock,
    RunStore,
    free_name,
    list_runs,
    make_run,
    read_history,
    run_folder,
)
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.entry import STOPPING
from archsearch.workers.pool import WorkerPool
from archsearch.workers.probe import probe

SHELF = "paused"
"""The folder of paused trials in that of the run, there while it is searched in."""


@dataclass(frozen=True)
class EvolveOptions:
    """What a person asked for; None stands for what they did not say.

    Attributes:
        choice: What decides the steps and scores.
        runs: The folder of all runs.
        run: The run's name or path.
        data: The folder of the tasks' files.
        devices: One device per worker.
        max_candidates: Candidates after which the run is finished, in all sessions.
        max_seconds: Seconds after which the run is finished, in all sessions.
    """

    choice: Request
    runs: Path
    run: str | None
    data: Path | None
    devices: tuple[str, ...]
    max_candidates: int | None
    max_seconds: float | None

    def limits(self, preset: Preset) -> Limits:
        """Return when the run is finished; an explicit number of candidates switches the preset's time off."""
        candidates = self.max_candidates if self.max_candidates is not None else preset.search.max_candidates
        seconds = self.max_seconds
        if seconds is None and self.max_candidates is None and preset.search.max_time is not None:
            seconds = parse_duration(preset.search.max_time)
        return Limits(candidates, seconds)


@dataclass(frozen=True)
class RunInfo:
    """A run that is about to be searched in.

    Attributes:
        folder: Where it lies.
        plan: Its plan.
        new: Whether it was made now.
        told: Steps told so far.
        candidates: Candidates told so far.
        trials: Trials ended so far.
        queued: Interrupted trials that go back to the queue.
        limits: When it is finished.
        finished: Whether it is already.
        note: Something about the choice of tasks, or nothing.
    """

    folder: Path
    plan: RunPlan
    new: bool
    told: int
    candidates: int
    trials: int
    queued: int
    limits: Limits
    finished: bool
    note: str


class Host(Watcher, Protocol):
    """Sees a session: first the run, then the search."""

    def opened(self, opened: RunInfo) -> None:
        """Called once the run is there and locked."""


@dataclass(frozen=True)
class SearchResult:
    """How a session ended: why, where the run lies, and the share of the workers' time that was spent waiting."""

    ending: Ending
    folder: Path
    waited: float
    host_failures: int


def evolve(request: EvolveOptions, host: Host) -> SearchResult:
    """Start a run or go on with one, until it is finished or interrupted.

    Raises:
        ArchsearchError: What was asked for cannot be done; nothing half-made is left behind.
    """
    with stop_signal() as stop, ExitStack() as stack:
        folder = run_folder(request.run, request.runs) if request.run else None
        store, crew = None, WorkerPool(list(request.devices), None)
        if folder is not None and folder.exists():
            store = _locked(stack, folder)
            resolved = request_of_run(request.choice, store.plan)
            _check_candidates(request, store)
        else:
            resolved = resolve(request.choice, request.data)
        crew.data = _data(request, store)
        stack.enter_context(crew)
        facts, hello = probe(crew, resolved.task_names)
        new = False
        if store is not None:
            check_same_measurement(store.plan, facts, hello)
        else:
            store, new = _started(stack, request, resolved.plan(facts, hello), folder)
        return _searched(request, store, crew, host, resolved.note, new, stop)


def _started(
    stack: ExitStack, request: EvolveOptions, plan: RunPlan, folder: Path | None
) -> tuple[RunStore, bool]:
    """Return the run of a plan, locked, and whether it is new; others may start theirs at the same time."""
    while True:
        if folder is None and (store := _unfinished(stack, request, plan)) is not None:
            _check_candidates(request, store)
            return store, False
        place = folder or request.runs / free_name(plan.preset_name, request.runs)
        try:
            make_run(place, plan)
            return _locked(stack, place), True
        except FileExistsError:
            if folder is not None:
                with ExitStack() as opened:
                    _locked(opened, folder)  # in use, as a rule
                raise InputError(
                    f"{folder} was made by another process just now; give the same command again"
                ) from None
        except RunLocked:
            if folder is not None:
                raise


def _data(request: EvolveOptions, store: RunStore | None) -> str | None:
    """Return the folder of the tasks' files: as given now, or as a resumed run was given it."""
    if request.data is not None:
        return str(request.data.resolve())
    return store.fact("data") if store is not None else None


def _locked(stack: ExitStack, folder: Path) -> RunStore:
    if not (folder / "run.db").exists():
        raise InputError(f"{folder} is no run: it has no run.db; give another name")
    stack.enter_context(Lock(folder))
    store = RunStore.open(folder, write=True)
    stack.callback(store.close)
    return store


def _unfinished(stack: ExitStack, request: EvolveOptions, plan: RunPlan) -> RunStore | None:
    """Return the newest unfinished run with an equal plan, locked, if there is one."""
    for folder in list_runs(request.runs):
        with (
            contextlib.suppress(StoreError, RunLocked),
            ExitStack() as opened,
        ):  # others' runs, and damaged ones
            store = RunStore.open(folder)
            opened.callback(store.close)
            if not _goes_on(store, plan):
                continue
            store = _locked(opened, folder)
            if _goes_on(store, plan):  # still
                stack.push(opened.pop_all())
                return store
    return None


def _goes_on(store: RunStore, plan: RunPlan) -> bool:
    return store.fact("ended") is None and _comparable(store.plan) == _comparable(plan)


def _comparable(plan: RunPlan) -> RunPlan:
    """Return a plan without its limits, which may change."""
    search = msgspec.structs.replace(plan.preset.search, max_time=None, max_candidates=None)
    return msgspec.structs.replace(plan, preset=msgspec.structs.replace(plan.preset, search=search, note=""))


def _check_candidates(request: EvolveOptions, store: RunStore) -> None:
    told = len({step.cell for step, verdict in store.steps() if verdict is not None and step.cell})
    if request.max_candidates is not None and request.max_candidates < told:
        asked = f"--max-candidates {request.max_candidates}"
        raise InputError(f"{asked} is below the {told} candidates that the run has; it is the run's total")


def _searched(
    request: EvolveOptions, store: RunStore, crew: WorkerPool, host: Host, note: str, new: bool, stop: Stop
) -> SearchResult:
    """Search in an opened run."""
    folder, plan, limits = store.path.parent, store.plan, request.limits(store.plan.preset)
    queued = store.interrupt()
    book, _ = read_history(store, plan)
    done = (limits.max_candidates is not None and len(book.candidates) >= limits.max_candidates) or (
        limits.max_seconds is not None and store.elapsed >= limits.max_seconds
    )
    told, candidates = book.told, len(book.candidates)
    host.opened(RunInfo(folder, plan, new, told, candidates, store.count(), queued, limits, done, note))
    if crew.data is not None:
        store.set_fact("data", crew.data)
    if done:
        store.set_fact("ended", "finished")
        return SearchResult("finished", folder, 0.0, 0)
    store.drop_fact("ended")
    shelf = CheckpointFolder(folder.resolve() / SHELF)
    shelf.sweep()  # a session that was killed
    desk = Dispatcher(store, crew, store.cell, shelf, plan.pauses)
    evolution = SearchLoop(store, plan, desk, limits, host, lambda: stop.asked)
    stop.gently = True
    try:
        ending = evolution.run()
    finally:
        crew.stop()
        shelf.sweep()
    store.interrupt()
    if ending != "interrupted":
        store.set_fact("ended", ending)
    share = desk.waited / max(1e-9, len(crew.devices) * (evolution.elapsed - evolution.before))
    return SearchResult(ending, folder, share, desk.host_failures)


@dataclass
class Stop:
    """What interrupts, hang-ups and terminations do.

    Attributes:
        asked: Whether one came.
        gently: Whether the first one only asks; otherwise, and with the second, the process ends at once.
        ending: Whether it ends; more of them would only disturb that.
    """

    asked: bool = False
    gently: bool = False
    ending: bool = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if not self.ending and (self.asked or not self.gently):
            self.ending = True
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def stop_signal() -> Iterator[Stop]:
    """Handle interrupts, terminations and, unless `nohup` says otherwise, hang-ups."""
    stop = Stop()
    kinds = [
        kind for kind in STOPPING if kind != signal.SIGHUP or signal.getsignal(kind) is not signal.SIG_IGN
    ]
    before = {kind: signal.signal(kind, stop) for kind in kinds}
    try:
        yield stop
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
