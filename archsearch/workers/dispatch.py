"""Hands trials to the workers, the lowest priority first, and files how they ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from heapq import heappop, heappush
from typing import Literal

from archsearch.cell import Cell
from archsearch.protocol.records import Outcome, Trial
from archsearch.store.cache import keep, recall
from archsearch.store.checkpoints import CheckpointFolder
from archsearch.store.outcomes import finite
from archsearch.workers.grouping import together
from archsearch.workers.memory import MemoryWatch
from archsearch.workers.messages import Alive, Failed, Job, Result
from archsearch.workers.patience import Patience
from archsearch.workers.pool import Death, Event, Worker, WorkerPool
from archsearch.workers.queue import LostWorker, QueuedTrial, RunningTrial
from archsearch.workers.retry import REFUSED, RetryRule
from archsearch.workers.spending import Spending
from archsearch.workers.trial_log import TrialLog

MOST_CELLS = 2_000
"""Cells that a worker trains before a fresh one takes its place: each leaves something behind in a process."""

RETRY = -1_000_000
"""The priority of a trial whose worker died."""

POLL_SECONDS = 0.25
"""Seconds that one look for news waits."""

TEXTS = 1_000
"""Texts of cells that are remembered: each is sent with every job."""

RunningJob = dict[int, RunningTrial]
"""The unfinished trials of a job by their index in it."""


Progressed = Callable[[int, int], object]
"""Is told how many trials of how many have ended."""


def _never(trial: Trial) -> bool:
    return False


class Dispatcher:
    """Dispatches trials and collects outcomes; one outcome a trial, whoever asks for it and however often.

    Args:
        log: Where outcomes are filed.
        pool: The workers that train.
        cell: Returns a cell by its id.
        checkpoints: Where paused trials lie; None if trials never pause.
        pauses: Whether a longer trial may go on from one.
        spending: Where the seconds of trials are added up; None for one of its own.

    Attributes:
        log, pool, cell, checkpoints, pauses: The same.
        known: Outcomes in memory; the log has all.
        text: Returns a cell's text by its id; those of late are remembered.
        waiting: The heap of trials that no worker has yet.
        unfinished: All trials that wait or are trained.
        shared: Those of them whose outcomes other runs may use.
        running: The unfinished trials by the number of their job.
        retry: What becomes of trials whose worker died.
        patience: How long a worker may be silent.
        memory: How much memory a worker may hold.
        queued: How many trials were queued so far.
        waited: Seconds that workers spent idle before a job, all together.
        trained: How many trials were trained to an end here.
        host_failures: How many ended by crash, memory, timeout or an error of ours.
        lost: The workers that were lost since `take_lost` was called last.
        spending: The same as was given, or its own.
    """

    def __init__(
        self,
        log: TrialLog,
        pool: WorkerPool,
        cell: Callable[[str], Cell],
        checkpoints: CheckpointFolder | None = None,
        pauses: Callable[[Trial], bool] = _never,
        *,
        spending: Spending | None = None,
    ) -> None:
        self.log, self.pool, self.cell = log, pool, cell
        self.checkpoints, self.pauses = checkpoints, pauses
        self.known: dict[Trial, Outcome] = {}
        self.waiting: list[QueuedTrial] = []
        self.unfinished: set[Trial] = set()
        self.shared: set[Trial] = set()
        self.running: dict[int, RunningJob] = {}
        self.text = lru_cache(TEXTS)(lambda identity: cell(identity).text())
        self.retry = RetryRule(log)
        self.patience = Patience()
        self.memory = MemoryWatch(len(pool.devices))
        self.queued = 0
        self.waited = 0.0
        self.trained = 0
        self.host_failures = 0
        self.lost: list[LostWorker] = []
        self.spending = spending or Spending()

    # -- what callers ask ---------------------------------------------------------------------------------------

    def outcome(self, trial: Trial) -> Outcome | None:
        """Return how a trial ended, None while it has not."""
        if trial not in self.known and trial not in self.unfinished:
            outcome = self.log.outcome(trial.key)
            if outcome is not None:
                self.known[trial] = outcome
        return self.known.get(trial)

    def forget(self, trials: Iterable[Trial]) -> None:
        """Drop outcomes from memory; the log has them."""
        for trial in trials:
            self.known.pop(trial, None)

    def queue(self, trials: Iterable[Trial], priority: int, shared: bool = False) -> None:
        """Queue the trials that have not ended and do not wait yet.

        Args:
            trials: The trials.
            priority: Lower goes first.
            shared: Whether other runs may have trained them, or may want them.
        """
        for trial in trials:
            if trial in self.unfinished or self.outcome(trial) is not None:
                continue
            if shared and (cached := recall(trial)):
                self.log.take_over(trial, cached)
                continue
            if shared:
                self.shared.add(trial)
            self.queued += 1
            self.unfinished.add(trial)
            heappush(self.waiting, QueuedTrial(priority, self.queued, trial))

    def finish(
        self,
        trials: Iterable[Trial],
        progressed: Progressed | None = None,
        priority: int = 0,
        shared: bool = False,
    ) -> dict[Trial, Outcome]:
        """Queue trials, wait until all have ended, and return how, in their order.

        Args:
            trials: The trials.
            progressed: Told several times a second how many of how many have ended; a true answer ends the
                waiting, and the trials that have not ended are missing in what is returned. None: nobody is told.
            priority: Lower goes first.
            shared: Whether other runs may have trained them, or may want them.

        Raises:
            InputError: A task is none.
            WorkerError: Workers keep failing to start.
        """
        trials = list(dict.fromkeys(trials))
        self.queue(trials, priority, shared)
        while True:
            outcomes = {trial: outcome for trial in trials if (outcome := self.outcome(trial)) is not None}
            stopped = progressed is not None and progressed(len(outcomes), len(trials))
            if stopped or len(outcomes) == len(trials):
                return outcomes
            self.poll(POLL_SECONDS)

    def poll(self, timeout: float, dispatch: bool = True) -> list[Trial]:
        """Dispatch what can be, wait for news, and return the trials that ended.

        Args:
            timeout: Seconds to wait at most.
            dispatch: Whether idle workers are given more.

        Raises:
            InputError: A task is none.
            WorkerError: Workers keep failing to start.
        """
        ended = self.dispatch() if dispatch else []
        return ended or self.collect(timeout)

    def collect(self, timeout: float) -> list[Trial]:
        """Wait for news, file them together, and return the trials that ended.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            InputError: A task is none.
            WorkerError: Workers keep failing to start.
        """
        ended: list[Trial] = []
        with self.log.group():
            for event in self.pool.events(timeout):
                ended += self._file(event)
            for worker in list(self.pool.workers):
                if isinstance(worker.job, Job) and worker.silent > self.patience.limit(worker.job):
                    ended += self._time_out(worker)
            for worker, words in self.memory.excesses(self.pool.workers):
                self.pool.kill(worker, words)
                ended += self._bury(worker, words, "oom")
        return ended

    @property
    def may_dispatch(self) -> bool:
        """Whether an idle worker could be given something."""
        return bool(self.waiting and self.pool.idle)

    @property
    def busy(self) -> int:
        """How many trials are being trained."""
        return sum(map(len, self.running.values()))

    def take_lost(self) -> tuple[LostWorker, ...]:
        """Return the workers that were lost since this was called last."""
        lost, self.lost = tuple(self.lost), []
        return lost

    def discard_checkpoints(self, trials: Iterable[Trial]) -> None:
        """Remove what paused trials left, which nobody will resume."""
        if self.checkpoints is not None:
            for trial in trials:
                self.checkpoints.slot(trial).clear()

    # -- handing out --------------------------------------------------------------------------------------------

    def dispatch(self) -> list[Trial]:
        """Give idle workers work; return the like of trials that killed two, which end without being trained."""
        ended: list[Trial] = []
        with self.log.group():
            for worker in self.pool.idle if self.waiting else ():
                while self.waiting and self.retry.refuses(self.waiting[0].trial):
                    ended.append(self._refuse(heappop(self.waiting).trial))
                if not self.waiting:
                    break
                self._give(worker)
        return ended

    def _give(self, worker: Worker) -> None:
        """Give an idle worker the first trial, and those that may share its job."""
        chosen = together(self.waiting)
        number, trials = chosen[0][0], tuple(trial for _, trial in chosen)
        self.running[number] = {
            index: RunningTrial(place, trial, self.log.claim(trial, worker.process.pid or 0))
            for index, (place, trial) in enumerate(chosen)
        }
        self.waited += time.monotonic() - worker.idle_since
        self.pool.give(worker, self._job(number, trials))

    def _job(self, number: int, trials: tuple[Trial, ...]) -> Job:
        return Job(
            number=number,
            cell=self.text(trials[0].cell),
            trials=trials,
            checkpoints=str(self.checkpoints.folder) if self.checkpoints else "",
            pauses=self.pauses(trials[0]),
        )

    def _refuse(self, trial: Trial) -> Trial:
        self.log.take_over(trial, REFUSED)
        return self._end(trial, REFUSED)

    # -- filing -------------------------------------------------------------------------------------------------

    def _file(self, event: Event) -> list[Trial]:
        if isinstance(event, Death):
            return self._bury(event.worker, event.cause, "crashed")
        worker, message = event
        if isinstance(message, Result):
            return self._result(worker, message)
        if isinstance(message, Alive):
            worker.begun |= isinstance(worker.job, Job) and worker.job.number == message.number
        if isinstance(message, Failed):
            raise message.error
        return []

    def _result(self, worker: Worker, message: Result) -> list[Trial]:
        """File a result; one that its worker was not asked for, or gave before, is ignored."""
        if not isinstance(worker.job, Job) or worker.job.number != message.number:
            return []
        if message.outcome.status in ("oom", "crashed"):
            self.pool.kill(worker, message.outcome.status)
            return self._bury(worker, message.outcome.reason, message.outcome.status)
        unfinished = self.running[message.number]
        if message.index not in unfinished:
            return []
        ended = unfinished.pop(message.index)
        if not unfinished:
            del self.running[message.number]
            self._done(worker)
        self.spending.add(ended.trial, message.spent)
        outcome = finite(message.outcome)
        if not self.log.finish(ended.trial, ended.attempt, outcome):
            return []
        self.trained += 1
        return [self._end(ended.trial, outcome)]

    def _done(self, worker: Worker) -> None:
        """Take note that a worker has done its job; an old one gives its place to a fresh one."""
        assert isinstance(worker.job, Job)
        self.patience.learn(worker.job, worker.longest)
        worker.job, worker.idle_since = None, time.monotonic()
        if worker.is_large or len(worker.cells) >= MOST_CELLS:
            self.pool.kill(worker, "old")

    def _bury(self, worker: Worker, cause: str, status: Literal["crashed", "oom"]) -> list[Trial]:
        """Return the trials that ended with a dead worker; its other unfinished trials wait again.

        A worker may die of what it did before, with the next job already in its pipe: its trials only wait again.
        """
        job, worker.job = worker.job, None
        ended: list[Trial] = []
        outcome = Outcome(status, reason=cause)
        trials = self.running.pop(job.number, {}) if isinstance(job, Job) else {}
        for running in trials.values():
            if self.retry.ends(running, outcome, worker.begun):
                ended.append(self._end(running.trial, outcome))
            else:
                heappush(self.waiting, QueuedTrial(RETRY, running.number, running.trial))
        self.lost.append(LostWorker(worker.place, cause, len(trials) - len(ended), len(ended)))
        return ended

    def _time_out(self, worker: Worker) -> list[Trial]:
        """End the trials of a worker that gave no sign of life."""
        job, worker.job = worker.job, None
        self.pool.kill(worker, "no sign of life")
        assert isinstance(job, Job)
        outcome = Outcome("timeout", reason=f"no sign of life for {self.patience.limit(job):.0f} s")
        ended: list[Trial] = []
        for running in self.running.pop(job.number).values():
            self.log.finish(running.trial, running.attempt, outcome)
            ended.append(self._end(running.trial, outcome))
        self.lost.append(LostWorker(worker.place, outcome.reason, 0, len(ended)))
        return ended

    def _end(self, trial: Trial, outcome: Outcome) -> Trial:
        self.unfinished.discard(trial)
        self.known[trial] = outcome
        self.host_failures += outcome.by_host
        if trial in self.shared:
            self.shared.discard(trial)
            keep(trial, outcome)
        return trial
