"""Replay: trains leaderboard rows again from their records and compares the scores (docs/architecture.md, "5. Replay")."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from archsearch.errors import InputError
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Trial
from archsearch.store import Row, RunStore
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.messages import Hello
from archsearch.workers.pool import WorkerPool
from archsearch.workers.trial_log import MemoryTrialLog

TOLERANCE = 0.05
"""Largest difference of a score, in accuracy or nats, that holds on another machine or engine."""


@dataclass(frozen=True)
class Replayed:
    """One score, recorded and trained again.

    Attributes:
        id: The cell's id.
        task: What people call the task.
        recorded: The score in the run.
        replayed: The score now, None if the trial has none now.
        exact: Whether machine and engine are those of the record.
    """

    id: str
    task: str
    recorded: float
    replayed: float | None
    exact: bool

    @property
    def holds(self) -> bool:
        """Whether the scores agree: in every bit on the same machine and engine, within the tolerance elsewhere."""
        if self.replayed is None:
            return False
        return (
            self.replayed == self.recorded if self.exact else abs(self.replayed - self.recorded) <= TOLERANCE
        )


def check_data(plan: RunPlan, checksums: dict[str, str]) -> None:
    """Refuse to replay on other data than the run's.

    Raises:
        InputError: Names the task.
    """
    for course in plan.courses:
        if checksums[course.facts.name] != course.facts.checksum:
            raise InputError(
                f"the data of {course.facts.name} are not those of the run; give them with --data"
            )


def replay(
    store: RunStore,
    plan: RunPlan,
    rows: list[Row],
    crew: WorkerPool,
    hello: Hello,
    progressed: Callable[[int, int], None],
) -> Iterator[Replayed]:
    """Yield the rows' best trials, trained again, in order.

    Args:
        store: The run's database.
        plan: Its plan.
        rows: What to replay.
        crew: Who trains.
        hello: What the crew's workers are.
        progressed: Told how many trials of how many have ended.
    """
    exact = hello.machine == plan.machine and plan.engine in hello.engines
    wanted: dict[Trial, tuple[Row, str, float]] = {}
    for row in rows:
        for task, result in row.judgement.tasks.items():
            wanted[plan.trial(row.id, task, result.setting, steps=result.steps)] = row, task, result.score
    desk = Dispatcher(MemoryTrialLog(), crew, store.cell)
    desk.queue(wanted, 0)
    waiting = list(wanted)
    while waiting:
        while waiting and (outcome := desk.outcome(waiting[0])) is not None:
            row, task, recorded = wanted[waiting.pop(0)]
            yield Replayed(row.id, task, recorded, outcome.score, exact)
        progressed(sum(desk.outcome(trial) is not None for trial in wanted), len(wanted))
        if waiting:
            desk.poll(0.25)
