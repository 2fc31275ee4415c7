"""Replay: trains leaderboard rows again from their records and compares the scores (contract 5)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from archsearch.actions.own_tasks import sources_of_run
from archsearch.actions.run import Run, open_run
from archsearch.actions.tabular import Records
from archsearch.errors import InputError
from archsearch.protocol.plan import RunPlan, TaskFacts
from archsearch.protocol.records import Trial
from archsearch.store import Row, RunStore, read_leaderboard
from archsearch.tasks import TaskName
from archsearch.words import short_id
from archsearch.workers.devices import recorded_device, worker_devices
from archsearch.workers.dispatch import Dispatcher, Progressed
from archsearch.workers.messages import Hello, Probe
from archsearch.workers.pool import WorkerPool
from archsearch.workers.probe import probe
from archsearch.workers.trial_log import MemoryTrialLog

TOLERANCE = 0.05
"""Largest difference of a score, in accuracy or nats, that holds on another machine or engine."""


@dataclass(frozen=True)
class ReplayedScore:
    """One score, recorded and trained again.

    Attributes:
        row: The cell's row of the leaderboard.
        task: What people call the task.
        recorded: The score in the run.
        replayed: The score now, None if the trial has none now.
        exact: Whether machine and engine are those of the record.
    """

    row: Row
    task: str
    recorded: float
    replayed: float | None
    exact: bool

    @property
    def holds(self) -> bool:
        """Whether the scores agree: in every bit on the same machine and engine, within the tolerance elsewhere."""
        if self.replayed is None:
            return False
        if self.exact:
            return self.replayed == self.recorded
        return abs(self.replayed - self.recorded) <= TOLERANCE

    def as_dict(self) -> dict[str, object]:
        """Return the score as plain values."""
        return {
            "id": self.row.id,
            "task": self.task,
            "recorded": self.recorded,
            "replayed": self.replayed,
            "holds": self.holds,
        }


@dataclass(frozen=True)
class Replay:
    """Rows of a leaderboard, trained again.

    Attributes:
        recorded: Engine and machine of the run.
        here: Engine and machine that trained now.
        scores: The scores, row by row and task by task.
    """

    recorded: dict[str, str]
    here: dict[str, str]
    scores: tuple[ReplayedScore, ...]

    @property
    def holds(self) -> bool:
        """Whether all scores agree."""
        return all(score.holds for score in self.scores)

    def records(self) -> Records:
        """Return a row per score: id, task, the score recorded, the score replayed, and whether it holds."""
        return Records(score.as_dict() for score in self.scores)

    def as_document(self) -> dict[str, object]:
        """Return all that `archsearch replay --json` prints."""
        return {"recorded": self.recorded, "here": self.here, "rows": list(self.records())}

    def _repr_html_(self) -> str:
        return self.records()._repr_html_()


def replay(
    run: Run | str | os.PathLike[str],
    *,
    top: int = 5,
    cell: str | None = None,
    runs: str | os.PathLike[str] | None = None,
    own: Sequence[str] = (),
    data: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    device: str = "auto",
    progressed: Progressed | None = None,
) -> Replay:
    """Train leaderboard rows again from their records, and compare the scores.

    On the machine and engine of the record a score holds if it is the same in every bit, elsewhere within a tolerance.

    Args:
        run: A run, or its name or path.
        top: Ranks to train again.
        cell: One cell instead: its id or the beginning of it.
        runs: Folder of all runs; None for ARCHSEARCH_RUNS, else "runs".
        own: The run's own tasks that you name, `FILE.py:NAME` or `text:FILE` where it lies now: code of a run that somebody
            else made is run only so.
        data: Folder of the Penn Treebank's files; None for where the run had them.
        workers: Worker processes; None for one per GPU or CPU core.
        device: "auto" (as recorded), "cpu", or "cuda:0,cuda:1".
        progressed: Told how many trials of how many have ended; None: nobody is told.

    Raises:
        InputError: There is no such run or row, or the data are not the run's.
    """
    opened = run if isinstance(run, Run) else open_run(run, runs)
    with RunStore.open(opened.folder) as store:
        plan = store.facts.plan
        sources = sources_of_run(plan, store.facts.sources, own)
        rows = _rows(read_leaderboard(store, opened.name).rows, top, cell)
        devices = worker_devices(recorded_device(device, plan.engine), workers)
        with WorkerPool(
            list(devices), str(Path(data).resolve()) if data else store.facts.data, sources
        ) as pool:
            pool.name_workers(f"archsearch replay {store.folder.name}")
            probed = probe(pool, [Probe(task.full_name) for task in plan.tasks])
            check_data(plan, probed.facts)
            hello = probed.hello
            scores = _replayed(
                Dispatcher(MemoryTrialLog(), pool, store.cells.read), plan, rows, hello, progressed
            )
    return Replay(
        recorded={"engine": plan.engine, "machine": plan.machine},
        here={"engine": hello.engine, "machine": hello.machine},
        scores=scores,
    )


def _rows(rows: Sequence[Row], top: int, cell: str | None) -> list[Row]:
    """Return the rows to replay: the first ranks, or one cell's."""
    if cell is None:
        best = [row for row in rows if row.rank is not None and row.rank <= top]
        if not best:
            raise InputError("no cell of this run has a fitness yet; there is nothing to replay")
        return best
    matches = [row for row in rows if row.id.startswith(cell)]
    if len(matches) != 1:
        there = ", ".join(short_id(row.id) for row in rows[:8])
        count = len(matches) or "no"
        raise InputError(f"--cell {cell}: {count} rows of the leaderboard begin so; there are {there}")
    return matches


def check_data(plan: RunPlan, facts: Mapping[str, TaskFacts]) -> None:
    """Refuse to replay on other data than the run's.

    Args:
        plan: The run's plan.
        facts: What its tasks say of themselves now, by full name.

    Raises:
        InputError: Names the task.
    """
    for task in plan.tasks:
        if facts[task.full_name].checksum != task.facts.checksum:
            way = (
                "say where they lie with --task"
                if TaskName.parse(task.full_name).is_own
                else "give them with --data"
            )
            raise InputError(f"the data of {task.full_name} are not those of the run; {way}")


def _replayed(
    dispatcher: Dispatcher,
    plan: RunPlan,
    rows: Sequence[Row],
    hello: Hello,
    progressed: Progressed | None,
) -> tuple[ReplayedScore, ...]:
    """Return the rows' best trials, trained again, in order."""
    exact = hello.machine == plan.machine and plan.engine in hello.engines
    records: dict[Trial, tuple[Row, str, float]] = {}
    for row in rows:
        for task, result in row.judgement.tasks.items():
            records[plan.trial(row.id, task, result.setting, steps=result.steps)] = row, task, result.score
    outcomes = dispatcher.finish(records, progressed)
    return tuple(
        ReplayedScore(row=row, task=task, recorded=score, replayed=outcomes[trial].score, exact=exact)
        for trial, (row, task, score) in records.items()
    )
