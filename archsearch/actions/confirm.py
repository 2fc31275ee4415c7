"""Confirms a run: its best cells go before the referee against the GRU; those that are better against more.

A probe of some steps says where a cell diverges. All cells begin; after every round the better half goes on, by the evidence
of as many pairs each, until few are left. What is better than the GRU is then held against the champion, at other sizes, and
on the tasks that the search did not use. A claim's evidence holds whenever it is dropped or goes on, so nothing is spent on
choosing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from archsearch.actions.confirm_cost import (
    LAST,
    ROUND,
    TOP,
    Cost,
    cost_of_pairs,
    cost_of_trials,
    halved,
    most_pairs,
    speeds,
)
from archsearch.actions.judge import Bench, Heard, Over, time_limit
from archsearch.actions.own_tasks import sources_of_run
from archsearch.actions.replay import check_data
from archsearch.actions.run import Run, open_run
from archsearch.actions.stability import Stability, probes, stability
from archsearch.actions.step_time import timed_trials
from archsearch.actions.tasks import has_data, resolve_task
from archsearch.cell import Cell, library
from archsearch.errors import InputError
from archsearch.protocol.claims import PAIRS, Claim, Control, ledger_of
from archsearch.protocol.equality import COUNTED, Equal
from archsearch.protocol.hearing import Hearing
from archsearch.protocol.ladder import scaled
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import BASELINE
from archsearch.protocol.references import published_cell
from archsearch.referee.ruling import Ruling
from archsearch.store import Leaderboard, Lock, RunStore, read_leaderboard
from archsearch.store.claims import RunLedger, made_before
from archsearch.words import short_id
from archsearch.workers.devices import recorded_device, worker_devices
from archsearch.workers.messages import Probe
from archsearch.workers.pool import WorkerPool
from archsearch.workers.probe import Probed, probe

PLACEBO = "placebo"
"""What people call the GRU with other initial weights, which is no better than the GRU."""


@dataclass(frozen=True)
class Subject:
    """A cell that is confirmed.

    Attributes:
        name: What people call it.
        cell: The cell.
        rank: Its rank; None for the champion and the placebo.
        stability: How its probes ended.
    """

    name: str
    cell: Cell
    rank: int | None = None
    stability: Stability = Stability(())


@dataclass(frozen=True)
class Confirmation:
    """What the referee says of a run's best cells.

    Attributes:
        run: The run's name.
        subjects: The found cells by rank, then the champion and the placebo.
        columns: For each thing that cells were held against or on, what is known of those that were, by their names: first
            "gru", then the champion's name, "equal width", "3x" for three times the size, and the names of tasks.
        control: What the ledger of the run keeps at 5 %.
    """

    run: str
    subjects: tuple[Subject, ...]
    columns: dict[str, dict[str, Hearing]]
    control: Control = "family"

    def as_document(self) -> dict[str, object]:
        """Return all that `archsearch confirm --json` prints."""
        claims = [(hearing, column) for column, known in self.columns.items() for hearing in known.values()]
        claims.sort(key=lambda claim: claim[0].number)
        return {
            "run": self.run,
            "control": self.control,
            "cells": [
                {
                    "id": subject.cell.id,
                    "name": subject.name,
                    "rank": subject.rank,
                    "stability": subject.stability.as_document(),
                }
                for subject in self.subjects
            ],
            "claims": [
                {"claim": hearing.number, "column": column, "cell": hearing.names[0], **hearing.as_document()}
                for hearing, column in claims
            ],
        }


@dataclass(frozen=True)
class Venue:
    """Where, and on what terms, cells are compared.

    Attributes:
        plan: What both cells are measured under.
        equal: What is the same for both.
    """

    plan: RunPlan
    equal: Equal = "parameters"


def confirm_run(
    run: Run | str | os.PathLike[str],
    *,
    top: int = TOP,
    pairs: int = PAIRS,
    settings: int | None = None,
    equal: Sequence[Equal] = COUNTED,
    scales: Sequence[float] = (),
    unused: bool = True,
    control: Control = "family",
    max_seconds: float | None = None,
    runs: str | os.PathLike[str] | None = None,
    own: Sequence[str] = (),
    data: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    device: str = "auto",
    priced: Callable[[Cost, Cost], object] | None = None,
    heard: Heard | None = None,
) -> Confirmation:
    """Let the referee judge the best cells of a run, on fresh pairs; called again it goes on from the pairs that it has.

    Args:
        run: A run, or its name or path.
        top: Ranks that begin; published cells among them are left out.
        pairs: Pairs of a claim after which no more are trained.
        settings: Settings of a pair; None for those of the preset's verdict.
        equal: What else cells that are better than the GRU at equal parameters are given alike, one after the other:
            "width", "flops", "time".
        scales: How many times the preset's parameters and steps such cells are tried at, too.
        unused: Whether such cells are tried on the tasks of the preset that the run did not search on.
        control: What new claims keep at 5 %: the chance of any false "better" of the run ("family"), or the share of false
            ones among all ("discoveries"); a claim that was made before keeps its level.
        max_seconds: Seconds after which no more are trained; None for no limit.
        runs: Folder of all runs; None for ARCHSEARCH_RUNS, else "runs".
        own: The run's own tasks that you name, as for `replay`.
        data: Folder of the Penn Treebank's files; None for where the run had them.
        workers: Worker processes; None for one per GPU or CPU core.
        device: "auto" (as recorded), "cpu", or "cuda:0,cuda:1".
        priced: Told first what the claims against the GRU cost at most, and what may follow; None: nobody is told.
        heard: Told how it goes on; None: nobody is told.

    Raises:
        InputError: There is no such run, or it has found no cell, or the data are not the run's.
        RunLocked: Another process searches in the run, or confirms it.
        WorkerError: The host ends a trial again and again.
    """
    over = time_limit(max_seconds)
    opened = run if isinstance(run, Run) else open_run(run, runs)
    with Lock(opened.folder), RunStore.open(opened.folder, write=True) as store:
        plan = store.facts.plan
        sources = sources_of_run(plan, store.facts.sources, own)
        subjects = _subjects(store, read_leaderboard(store, opened.name), plan, top)
        place = str(Path(data).resolve()) if data else store.facts.data
        others = _unused(plan, place) if unused else []
        devices = list(worker_devices(recorded_device(device, plan.engine), workers))
        with WorkerPool(devices, place, sources) as pool:
            pool.name_workers(f"archsearch confirm {store.folder.name}")
            names = [task.full_name for task in plan.tasks] + [
                resolve_task(plan.preset_name, plan.preset, task).full_name for task in others
            ]
            probed = probe(pool, [Probe(name) for name in names])
            check_data(plan, probed.facts)
            home = msgspec.structs.replace(plan, engine=probed.hello.engine, machine=probed.hello.machine)
            elsewhere = {f"equal {what}": Venue(home, what) for what in equal if what != "parameters"}
            elsewhere |= {f"{scale:g}x": Venue(_scaled(home, scale)) for scale in scales}
            elsewhere |= {task: Venue(_on(home, task, probed)) for task in others}
            bench = Bench(home, pool, [subject.cell for subject in subjects], heard)
            ledger = RunLedger(store)
            docket = _Docket(
                home=Venue(home),
                bench=bench,
                ledger=ledger,
                control=control,
                settings=settings or plan.preset.search.verdict_settings,
                pairs=pairs,
                over=over,
            )
            if priced is not None:
                priced(*_cost(store, docket, subjects, elsewhere))
            probed_subjects = _probed(home, bench, subjects, over)
            columns = docket.heard(probed_subjects, elsewhere)
            return Confirmation(opened.name, probed_subjects, columns, ledger.control)


def _subjects(store: RunStore, board: Leaderboard, plan: RunPlan, top: int) -> list[Subject]:
    """Return the best found cells, the champion, and the placebo.

    Raises:
        InputError: There is no found cell.
    """
    found = [row for row in board.rows if row.is_found and row.rank is not None and row.rank <= top]
    if not found:
        raise InputError(f"{board.run}: none of the first {top} ranks is a cell that the search has made")
    subjects = [Subject(short_id(row.id), store.cells.read(row.id), row.rank) for row in found]
    if board.champion not in ("", BASELINE):
        subjects.append(Subject(board.champion, published_cell(plan, board.champion)))
    return [*subjects, Subject(PLACEBO, library.load(BASELINE))]


def _unused(plan: RunPlan, data: str | None) -> list[str]:
    """Return the tasks of the preset that the run did not search on and whose data are there."""
    return [
        task
        for task in plan.preset.tasks
        if task not in plan.task and has_data(task, Path(data) if data else None)
    ]


def _scaled(plan: RunPlan, scale: float) -> RunPlan:
    """Return a plan with so many times the parameters and steps."""
    tasks = [msgspec.structs.replace(task, rules=scaled(task.rules, scale)) for task in plan.tasks]
    return msgspec.structs.replace(plan, tasks=tuple(tasks))


def _on(plan: RunPlan, task: str, probed: Probed) -> RunPlan:
    """Return a plan with another task of its preset alone."""
    resolved = resolve_task(plan.preset_name, plan.preset, task)
    return msgspec.structs.replace(plan, tasks=(resolved.planned(probed.facts),))


def _probed(plan: RunPlan, bench: Bench, subjects: Sequence[Subject], over: Over) -> tuple[Subject, ...]:
    """Return the subjects with what their probes say, of those that end in time."""
    trials = {subject.name: probes(plan, subject.cell) for subject in subjects}
    wanted = [trial for those in trials.values() for trial in those]
    outcomes = bench.dispatcher.finish(wanted, lambda done, of: over(), shared=True)
    return tuple(
        replace(subject, stability=stability(trials[subject.name], outcomes)) for subject in subjects
    )


@dataclass(frozen=True)
class _Docket:
    """The claims of a confirmation.

    Attributes:
        home: What all cells are measured under.
        bench: Trains pairs.
        ledger: The run's.
        control: What new claims keep small.
        settings: Settings of a pair.
        pairs: Most pairs of a claim.
        over: Says when to stop.
    """

    home: Venue
    bench: Bench
    ledger: RunLedger
    control: Control
    settings: int
    pairs: int
    over: Over

    def heard(
        self, subjects: Sequence[Subject], elsewhere: dict[str, Venue]
    ) -> dict[str, dict[str, Hearing]]:
        """Return all hearings by column and cell, as far as they came.

        Args:
            subjects: The found cells, the best first, then the champion and the placebo.
            elsewhere: Other terms, sizes and tasks, by column.
        """
        gru = Subject(BASELINE, library.load(BASELINE))
        begun = {subject.name: self._entered(self.home, subject, gru) for subject in subjects}
        found = [subject for subject in subjects if subject.rank is not None]
        controls = [subject for subject in subjects if subject.rank is None]
        hearings, rounds = self._halved({subject.name: begun[subject.name] for subject in found})
        for subject in controls:
            # The placebo is looked at as often as any cell: only then does it say what chance does.
            most = self.pairs if subject.name == PLACEBO else rounds * ROUND
            most = min(most, max(hearing.count for hearing in hearings.values()))
            hearings[subject.name] = self._going_on(self.home, begun[subject.name], most)
        better = [subject for subject in found if hearings[subject.name].ruling is Ruling.BETTER]
        columns = {BASELINE: hearings}
        for champion in [subject for subject in controls if subject.name != PLACEBO]:
            columns[champion.name] = self._column(self.home, better, champion)
        for column, venue in elsewhere.items():
            columns[column] = self._column(venue, better, gru)
        return columns

    def _column(self, venue: Venue, subjects: Sequence[Subject], other: Subject) -> dict[str, Hearing]:
        """Hear cells against another, one after the other; where no time is left no claim is spent."""
        wanted = [
            subject
            for subject in subjects
            if not self.over()
            or made_before(self.ledger, self._question(venue, subject, other), venue.equal) is not None
        ]
        begun = {subject.name: self._entered(venue, subject, other) for subject in wanted}
        return {name: self._going_on(venue, hearing, self.pairs) for name, hearing in begun.items()}

    def _question(self, venue: Venue, a: Subject, b: Subject) -> Claim:
        """Return a claim at equal parameters."""
        return Claim.of(venue.plan, a.cell.id, b.cell.id, self.settings, ledger_of(self.home.plan))

    def _entered(self, venue: Venue, a: Subject, b: Subject) -> Hearing:
        """Return a claim that is entered in the ledger."""
        bench, question = self.bench.under(venue.plan), self._question(venue, a, b)
        claim = bench.claim(question, (a.cell, b.cell), venue.equal, self.ledger)
        if self.control == "discoveries" and claim not in self.ledger.made():
            claim = msgspec.structs.replace(claim, discoveries=self.ledger.discoveries)
        number = self.ledger.enter(claim)
        return Hearing(claim, number, (a.name, b.name), self.ledger.pairs(claim))

    def _halved(self, begun: dict[str, Hearing]) -> tuple[dict[str, Hearing], int]:
        """Return all hearings, the last few as far as they go, the others as far as they came, and the number of rounds."""
        known, alive, rounds = dict(begun), list(begun), 0
        while len(alive) > LAST:
            rounds += 1
            for name in alive:
                known[name] = self._going_on(self.home, known[name], rounds * ROUND)
            ranked = sorted(alive, key=lambda name: -_strength(known[name], rounds * ROUND))
            alive = [name for name in alive if name in ranked[: halved(len(alive))]]
        for name in alive:
            known[name] = self._going_on(self.home, known[name], self.pairs)
        return known, max(1, rounds)

    def _going_on(self, venue: Venue, hearing: Hearing, pairs: int) -> Hearing:
        return self.bench.under(venue.plan).heard_out(hearing, self.ledger, pairs, self.over)


def _strength(hearing: Hearing, pairs: int) -> float:
    """Return the evidence of the first pairs on the task where it is weakest, so that later ones change no choice."""
    first = replace(hearing, pairs={task: results[:pairs] for task, results in hearing.pairs.items()})
    return min(found.log_better - found.log_worse for found in first.evidence.values())


def _cost(
    store: RunStore, docket: _Docket, subjects: Sequence[Subject], elsewhere: dict[str, Venue]
) -> tuple[Cost, Cost]:
    """Return what the claims against the GRU cost at most, and what follows if all of the last cells are better."""
    home, found = docket.home, [subject for subject in subjects if subject.rank is not None]
    champions = len(subjects) - len(found) - 1
    ids = dict.fromkeys(subject.cell.id for subject in subjects)
    speed = speeds(ended for cell in ids for ended in store.trials.of(cell))
    probed = [trial for subject in subjects for trial in probes(home.plan, subject.cell)]
    first = cost_of_trials(probed, speed)
    first += cost_of_pairs(home.plan, most_pairs(len(found), champions, docket.pairs), docket.settings, speed)
    venues, last = [*[home] * champions, *elsewhere.values()], found[:LAST]
    rest = Cost(0, 0.0)
    for venue in venues:
        rest += cost_of_pairs(venue.plan, len(last) * docket.pairs, docket.settings, speed)
        if venue.equal == "time":
            cells = [*(subject.cell for subject in last), library.load(BASELINE)]
            rest += cost_of_trials(timed_trials(venue.plan, cells), speed)
    return first, rest
