"""Merging: runs of one plan that differ in their seeds become one run, with one leaderboard and one ledger of claims.

The sources are only read. What comes of them does not depend on the order in which they are named: steps are told as if
the searches had run side by side, step for step, and claims are numbered likewise, the first of each run before the second
of any. No outcome decides the number of a claim, so all of them together spend one budget (archsearch/referee/ledger.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from archsearch.errors import InputError, ReadOnly, StoreError
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import ENDED, HOST_STATUSES, Step, Verdict
from archsearch.protocol.seeds import seed_of
from archsearch.store.claims import RunLedger
from archsearch.store.connecting import guarded
from archsearch.store.folder import Lock, make_run
from archsearch.store.history import LostTrial, read_history
from archsearch.store.part import Part
from archsearch.store.run_store import RunStore
from archsearch.store.seal import record_holds, trial_holds
from archsearch.store.session import Session
from archsearch.store.tables import FactTable
from archsearch.words import flattened, short_id

TRIAL = "key, cell, task, record, state, attempt, deaths, worker, score, outcome, seal"
"""The columns of a trial."""

NAMED = 3
"""Differences of plans that people are told."""

LONGEST = 40
"""Characters of a value that differs."""


@dataclass(frozen=True)
class _Source:
    """A run that is merged.

    Attributes:
        name: What it is called.
        store: Its database, opened for reading.
        plan: Its plan.
        parts: What it was made of itself, or the run alone.
    """

    name: str
    store: RunStore
    plan: RunPlan
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, folder: Path, store: RunStore) -> _Source:
        """Return a run as it is at this moment."""
        plan = store.facts.plan
        own = Part(folder.resolve().name, plan.seed, *store.standings.told_and_candidates())
        return cls(own.run, store, plan, store.facts.merged or (own,))

    @property
    def first_seed(self) -> int:
        """The smallest seed in it, by which sources are ordered."""
        return self.parts[0].seed


def merge_runs(folders: Sequence[Path], to: Path) -> tuple[Part, ...]:
    """Merge runs into a new one that is complete or not there; return what it was made of.

    Args:
        folders: Of the runs, which exist.
        to: Of the new run, which must not be there.

    Raises:
        InputError: They are no runs of one plan and several seeds, or the new folder is there, or cannot be made.
        RunLocked: Somebody searches in one of them.
        StoreError: The records of one cannot be read.
    """
    if len({folder.resolve() for folder in folders}) < max(2, len(folders)):
        raise InputError("merging takes two runs or more, each named once")
    if to.exists():
        raise InputError(f"{to} is there already, and a run is never written over; give another name")
    with ExitStack() as stack:
        sources = sorted((_opened(stack, folder) for folder in folders), key=lambda each: each.first_seed)
        parts = _parts(sources)
        for other in sources[1:]:
            _check_same_plan(sources[0], other)
        seed = seed_of("merge", *(part.seed for part in parts))
        plan = replace(sources[0].plan.without_limits(), seed=seed)
        try:
            make_run(to, plan, lambda store: _fill(store, plan, sources, parts))
        except FileExistsError:
            raise InputError(f"{to} was made by another process just now; give another name") from None
    return parts


def _opened(stack: ExitStack, folder: Path) -> _Source:
    """Return a run of which nobody writes and of which one moment is read; the stack gives it back."""
    # Whoever may not write there cannot lock it either, and reads one moment in any case.
    with suppress(ReadOnly):
        stack.enter_context(Lock(folder))
    store = stack.enter_context(RunStore.open(folder))
    stack.enter_context(store.database.moment())
    return _Source.of(folder, store)


def _parts(sources: Sequence[_Source]) -> tuple[Part, ...]:
    """Return what all runs were made of, by seed.

    Raises:
        InputError: Two have the same seed, and with it the same steps, and pairs of the referee that are the same.
    """
    known: dict[int, str] = {}
    for source in sources:
        for part in source.parts:
            if part.seed in known:
                raise InputError(
                    f"{known[part.seed]} and {source.name} both have seed {part.seed}, so they are one search, not "
                    "two; name runs of different seeds, each once"
                )
            known[part.seed] = source.name
    return tuple(sorted((part for source in sources for part in source.parts), key=lambda part: part.seed))


def _check_same_plan(one: _Source, other: _Source) -> None:
    """Refuse runs that measure differently, whose scores would not compare.

    Raises:
        InputError: Names the differences.
    """
    ours, theirs = (_said(source.plan) for source in (one, other))
    keys = [key for key in sorted(ours.keys() | theirs.keys()) if ours.get(key) != theirs.get(key)]
    if not keys:
        return
    differences = [f"{key} is {_brief(ours.get(key))} and {_brief(theirs.get(key))}" for key in keys[:NAMED]]
    more = f", and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    raise InputError(
        f"{one.name} and {other.name} are not of one plan, so their scores do not compare: "
        f"{'; '.join(differences)}{more}. Merge runs that differ in their seeds alone"
    )


def _said(plan: RunPlan) -> dict[str, Any]:
    """Return all that decides the scores of a run, by key."""
    said: dict[str, Any] = msgspec.to_builtins(replace(plan.without_limits(), seed=0))
    order = [task.name for task in plan.tasks]
    tasks = {task.name: msgspec.to_builtins(task) for task in plan.tasks}
    return flattened(said | {"courses": tasks, "order of tasks": order})


def _brief(value: Any) -> str:
    text = "not there" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _fill(store: RunStore, plan: RunPlan, sources: Sequence[_Source], parts: tuple[Part, ...]) -> None:
    """Put all that the sources hold into a new run, in one transaction."""
    with store.database.group():
        store.facts.merged, store.facts.ended = parts, "merged"
        _put_facts(store.facts, [source.store.facts for source in sources])
        for source in sources:
            with guarded(source.store.database.path):
                _put_rows(store, source)
        elapsed = store.facts.elapsed
        for number, (step, verdict) in enumerate(_side_by_side(sources)):
            store.steps.add(replace(step, number=number), None)
            store.steps.tell(number, verdict, elapsed)
        _put_claims(store, sources)
        try:
            history, _ = read_history(store, plan)
        except LostTrial as lost:
            raise StoreError(
                f"a told step of one of the runs lacks its trial of cell {short_id(lost.trial.cell)} on "
                f"{lost.trial.task}; 'archsearch evolve --run RUN' trains it again"
            ) from None
        store.standings.keep_all(history)


def _put_facts(facts: FactTable, those: Sequence[FactTable]) -> None:
    """Put together what was said of the runs."""
    if folder := next((each.data for each in those if each.data), None):
        facts.data = folder
    places, scored = dict[str, Any](), dict[str, int]()
    for each in those:
        places, scored = each.sources | places, each.scored | scored
    if places:
        facts.sources = places
    if scored:
        facts.scored = scored
    facts.elapsed = sum(each.elapsed for each in those)
    sessions = [each.session or Session() for each in those]
    facts.session = Session(
        prepared=sum(each.prepared or 0.0 for each in sessions),
        offered=sum(each.offered for each in sessions),
        waited=sum(each.waited for each in sessions),
    )


def _put_rows(store: RunStore, source: _Source) -> None:
    """Put the cells and the trials of a run that have ended beside those of others.

    Raises:
        InputError: A trial ended otherwise in another run, though engine and machine are the same by name.
        StoreError: A row does not hold.
    """
    cells = source.store.database.connection.execute("SELECT id, text FROM cells").fetchall()
    trials = source.store.database.connection.execute(f"SELECT {TRIAL} FROM trials WHERE state IN {ENDED}")
    with guarded(store.database.path):
        store.database.connection.executemany("INSERT OR IGNORE INTO cells VALUES (?, ?)", cells)
    for row in trials:
        with guarded(store.database.path):
            _put_trial(store.database.connection, source, row)


def _put_trial(connection: sqlite3.Connection, source: _Source, row: tuple[Any, ...]) -> None:
    """Put a trial; what the host has ended gives way to what ended by itself."""
    key, cell, task, record, state, *_, score, outcome, seal = row
    if not record_holds(key, record) or not trial_holds(key, state, score, outcome, seal=seal):
        raise source.store.database.damaged(f"trial {short_id(key)} does not hold")
    known = connection.execute("SELECT state, score FROM trials WHERE key = ?", (key,)).fetchone()
    if known is None or (known[0] in HOST_STATUSES and state not in HOST_STATUSES):
        connection.execute(
            f"INSERT OR REPLACE INTO trials ({TRIAL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row
        )
    elif state not in HOST_STATUSES and known != (state, score):
        raise InputError(
            f"{source.name}: a trial of cell {short_id(cell)} on {task} is {state} with score {score} there and {known[0]} "
            f"with {known[1]} in another of the runs; 'archsearch replay' says of each whether its scores hold here"
        )


def _side_by_side(sources: Sequence[_Source]) -> Iterator[tuple[Step, Verdict]]:
    """Yield the told steps of all runs by their numbers, then by seed; what was tried the same way before is left out.

    So the start cells, which every search tries first, are there once, and a cell that two searches found counts once.
    """
    steps = [
        (step, source.first_seed, verdict)
        for source in sources
        for step, verdict in source.store.steps.read()
        if verdict is not None
    ]
    tried = set()
    for step, _, verdict in sorted(steps, key=lambda each: (each[0].number, each[1])):
        what = (step.kind == "placebo", step.cell, step.filter, step.stages, step.init_draw, verdict)
        if step.kind == "nothing" or what not in tried:
            tried.add(what)
            yield step, verdict


def _put_claims(store: RunStore, sources: Sequence[_Source]) -> None:
    """Enter the claims of all runs in one ledger, each at the level of its new place."""
    ledger = RunLedger(store)
    claims = [
        (place, source.first_seed, claim, pairs)
        for source in sources
        for place, (claim, pairs) in enumerate(source.store.claims.read().values())
    ]
    for number, (_, _, claim, pairs) in enumerate(sorted(claims, key=lambda each: each[:2]), 1):
        if claim.discoveries is not UNSET:
            claim = replace(claim, discoveries=ledger.discoveries)
        store.claims.keep(number, claim, pairs)
