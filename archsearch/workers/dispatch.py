"""The desk: hands trials to the crew, lowest step first, and files how they ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Literal, Protocol

from archsearch.cell import Cell
from archsearch.errors import InputError, WorkerError
from archsearch.protocol.records import Outcome, Trial
from archsearch.store.cache import keep, recall
from archsearch.store.checkpoints import CheckpointFolder
from archsearch.store.run_store import finite
from archsearch.workers.grouping import together
from archsearch.workers.messages import Alive, Failed, Job, Result
from archsearch.workers.pool import Death, Event, Worker, WorkerPool

SILENCE = 600.0
"""Seconds without a sign of life after which a trial has timed out."""

DEATHS = 2
"""Workers that a trial may kill before its cell is never dispatched again."""


RETRY = -1_000_000
"""The priority of a trial whose worker died."""

Running = dict[int, tuple[int, Trial, int]]
"""The unfinished trials of a job by their index in it: number in the queue, trial, attempt."""


class TrialLog(Protocol):
    """Where outcomes are filed: a run's database, or memory."""

    def outcome(self, key: str) -> Outcome | None:
        """Return how a trial ended."""

    def claim(self, trial: Trial, worker: int) -> int:
        """Begin an attempt."""

    def finish(self, trial: Trial, attempt: int, outcome: Outcome) -> bool:
        """End an attempt."""

    def bury(self, trial: Trial, attempt: int, outcome: Outcome, most: int) -> bool:
        """Record a death, and with the last of `most` deaths the outcome; return whether it was the last."""

    def release(self, trial: Trial, attempt: int) -> None:
        """End an attempt that nobody began."""

    def take_over(self, trial: Trial, outcome: Outcome) -> None:
        """File a trial that was trained elsewhere."""

    def poisoned(self) -> set[str]:
        """Return the cells that killed two workers."""


class Dispatcher:
    """Dispatches trials and collects outcomes.

    Args:
        archive: Where outcomes are filed.
        crew: Who trains.
        cell: Returns a cell by its id.
        shelf: Where paused trials lie; None if trials never pause.
        pauses: Whether a longer trial may go on from one.
    """

    def __init__(
        self,
        archive: TrialLog,
        crew: WorkerPool,
        cell: Callable[[str], Cell],
        shelf: CheckpointFolder | None = None,
        pauses: Callable[[Trial], bool] = lambda trial: False,
    ) -> None:
        self.archive, self.crew, self.cell = archive, crew, cell
        self.shelf, self.pauses = shelf, pauses
        self.known: dict[Trial, Outcome] = {}
        self.queue: list[tuple[int, int, Trial]] = []
        self.queued: set[Trial] = set()
        self.shared: set[Trial] = set()
        self.running: dict[int, Running] = {}
        self.poison = archive.poisoned()
        self.numbers = 0
        self.waited = 0.0
        self.trained = 0
        self.host_failures = 0

    def outcome(self, trial: Trial) -> Outcome | None:
        """Return how a trial ended, None while it has not."""
        if (
            trial not in self.known
            and trial not in self.queued
            and (found := self.archive.outcome(trial.key))
        ):
            self.known[trial] = found
        return self.known.get(trial)

    def forget(self, trials: Iterable[Trial]) -> None:
        """Drop outcomes from memory; the archive has them."""
        for trial in trials:
            self.known.pop(trial, None)

    def want(self, trials: Iterable[Trial], priority: int, shared: bool = False) -> None:
        """Queue the trials that have not ended.

        Args:
            trials: What is wanted.
            priority: Lower goes first.
            shared: Whether other runs may have trained it, or may want it.
        """
        for trial in trials:
            if trial in self.queued or self.outcome(trial) is not None:
                continue
            if shared and (cached := recall(trial)):
                self.archive.take_over(trial, cached)
                continue
            if shared:
                self.shared.add(trial)
            self._enqueue(trial, priority)

    def _enqueue(self, trial: Trial, priority: int) -> None:
        self.numbers += 1
        self.queued.add(trial)
        heappush(self.queue, (priority, self.numbers, trial))

    @property
    def busy(self) -> int:
        """How many trials are being trained."""
        return sum(map(len, self.running.values()))

    def turn(self, timeout: float, dispatch: bool = True) -> list[Trial]:
        """Dispatch what can be, wait for news, and return the trials that ended.

        Raises:
            ArchsearchError: A task is none, or workers keep failing to start.
        """
        ended = self._dispatch() if dispatch else []
        if ended:
            return ended
        for event in self.crew.events(timeout):
            ended += self._file(event)
        for worker in list(self.crew.workers):
            if worker.job is not None and worker.silent > SILENCE:
                ended += self._silenced(worker)
        return ended

    def _dispatch(self) -> list[Trial]:
        """Give idle workers work; return trials of poisoned cells, which end without being trained."""
        ended: list[Trial] = []
        for worker in self.crew.idle:
            while self.queue and self.queue[0][2].cell in self.poison:
                ended.append(self._refused(heappop(self.queue)[2]))
            if not self.queue:
                break
            chosen = together(self.queue)
            number, trials = chosen[0][0], tuple(trial for _, trial in chosen)
            self.running[number] = {
                index: (own, trial, self.archive.claim(trial, worker.process.pid or 0))
                for index, (own, trial) in enumerate(chosen)
            }
            self.waited += time.monotonic() - worker.idle_since
            self.crew.give(worker, self._job(number, trials))
        return ended

    def _job(self, number: int, trials: tuple[Trial, ...]) -> Job:
        folder = str(self.shelf.folder) if self.shelf else ""
        return Job(number, self.cell(trials[0].cell).text(), trials, folder, self.pauses(trials[0]))

    def forsake(self, trials: Iterable[Trial]) -> None:
        """Take trials that nobody will go on from off the shelf."""
        if self.shelf is not None:
            for trial in trials:
                self.shelf.slot(trial).clear()

    def _refused(self, trial: Trial) -> Trial:
        outcome = Outcome("crashed", reason="its cell killed two workers and is not trained again")
        self.archive.take_over(trial, outcome)
        return self._end(trial, outcome)

    def _file(self, event: Event) -> list[Trial]:
        if isinstance(event, Death):
            return self._died(event.worker, event.cause, "crashed")
        worker, message = event
        if isinstance(message, Result):
            return self._result(worker, message)
        if isinstance(message, Alive):
            worker.begun |= isinstance(worker.job, Job) and worker.job.number == message.number
        if isinstance(message, Failed):
            raise (
                InputError(message.text)
                if message.exit_code == InputError.exit_code
                else WorkerError(message.text)
            )
        return []

    def _result(self, worker: Worker, message: Result) -> list[Trial]:
        """File a result; one that its worker was not asked for, or gave before, is ignored."""
        if not isinstance(worker.job, Job) or worker.job.number != message.number:
            return []
        if message.outcome.status == "oom":
            self.crew.kill(worker, "out of memory")
            return self._died(worker, message.outcome.reason, "oom")
        left = self.running[message.number]
        if message.index not in left:
            return []
        _, trial, attempt = left.pop(message.index)
        if not left:
            del self.running[message.number]
            worker.job, worker.idle_since = None, time.monotonic()
        outcome = finite(message.outcome)
        if not self.archive.finish(trial, attempt, outcome):
            return []
        self.trained += 1
        return [self._end(trial, outcome)]

    def _died(self, worker: Worker, cause: str, status: Literal["crashed", "oom"]) -> list[Trial]:
        """Retry the unfinished trials of a dead worker once; a second death marks their cell.

        A worker may die of what it did before, with the next job already in its pipe: its trials only wait again.
        """
        job, worker.job = worker.job, None
        if not isinstance(job, Job):
            return []
        ended: list[Trial] = []
        outcome = Outcome(status, reason=cause)
        for number, trial, attempt in self.running.pop(job.number, {}).values():
            if not worker.begun:
                self.archive.release(trial, attempt)
                heappush(self.queue, (RETRY, number, trial))
            elif not self.archive.bury(trial, attempt, outcome, DEATHS):
                heappush(self.queue, (RETRY, number, trial))
            else:
                self.poison.add(trial.cell)
                ended.append(self._end(trial, outcome))
        return ended

    def _silenced(self, worker: Worker) -> list[Trial]:
        """End the trials of a worker that gave no sign of life."""
        job, worker.job = worker.job, None
        self.crew.kill(worker, "no sign of life")
        assert isinstance(job, Job)
        outcome = Outcome("timeout", reason=f"no sign of life for {SILENCE:.0f} s")
        ended: list[Trial] = []
        for _, trial, attempt in self.running.pop(job.number).values():
            self.archive.finish(trial, attempt, outcome)
            ended.append(self._end(trial, outcome))
        return ended

    def _end(self, trial: Trial, outcome: Outcome) -> Trial:
        self.queued.discard(trial)
        self.known[trial] = outcome
        self.host_failures += outcome.status in ("oom", "timeout", "crashed", "error")
        if trial in self.shared:
            self.shared.discard(trial)
            keep(trial, outcome)
        return trial
