"""The pool of worker processes: one pipe and sentinel each, dead ones replaced, gone when the driver is gone.

No queue and no lock is shared: a killed worker is seen at once and harms no other.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from selectors import EVENT_READ, DefaultSelector
from typing import Any

import msgspec

from archsearch.errors import InputError, NoSpace, WorkerError
from archsearch.tasks import TaskSource
from archsearch.workers import messages
from archsearch.workers.entry import enter as _main
from archsearch.workers.messages import Failed, Hello, Job, Probe, Sources, Title, ToDriver
from archsearch.workers.spawning import HALF_A_MESSAGE, cause_of_death, spawn

START_FAILURES = 5
"""Workers that may fail to start in a row before the pool gives up."""

START_PATIENCE = 300.0
"""Seconds that a worker has to say hello."""

LONGEST_LOOK = 5.0
"""Seconds of silence that one look at the workers may add: a driver that slept does not blame them."""


ROLL_CALL = 1.0
"""Seconds after which all workers are asked whether they live; of one whose children live on there is no other sign."""


@dataclass(eq=False)
class Worker:
    """One worker process as the driver sees it.

    Attributes:
        place: Its place in the pool; a replacement takes the same.
        process: The process.
        pipe: To the process.
        hello: What it said when it was ready, None before.
        job: What it was given to do.
        begun: Whether it has said that it works on the job; what ends it before that is not the job's doing.
        silent: Seconds without a sign of life.
        longest: The longest such silence of this job.
        cells: The ids of the cells that it has been given.
        is_large: Whether it holds so much memory that a fresh one takes its place after the job.
        idle_since: When it became idle, on the monotonic clock.
    """

    place: int
    process: Any
    pipe: Connection
    hello: Hello | None = None
    job: Job | Probe | None = None
    begun: bool = False
    silent: float = 0.0
    longest: float = 0.0
    cells: set[str] = field(default_factory=set)
    is_large: bool = False
    idle_since: float = field(default_factory=time.monotonic)

    @property
    def idle(self) -> bool:
        """Whether it is ready and has nothing to do."""
        return self.hello is not None and self.job is None


@dataclass(frozen=True)
class Death:
    """A worker is gone.

    Attributes:
        worker: Which.
        cause: Exit code or signal, in words.
    """

    worker: Worker
    cause: str


Event = tuple[Worker, ToDriver] | Death


class WorkerPool:
    """A fixed number of workers, there while the pool is entered; dead ones are replaced.

    One selector holds all of them for the pool's life, so that a look costs what the workers have to say, not how many
    there are.

    Args:
        devices: One device per worker.
        data: The folder of the tasks' files.
        sources: Where the files of users' own tasks lie, by the tasks' names.

    Attributes:
        devices, data, sources: The same.
        title: What the workers' processes are called, before their number; empty until it is said.
        workers: The workers, each in its place.
        failures: How many failed to start since one did.
        last_failure: What the last of these said.
        looked: When `events` looked last, on the monotonic clock.
        called: When it looked at all workers last.
        selector: Waits for the pipes and sentinels of all workers.
    """

    def __init__(
        self, devices: list[str], data: str | None, sources: Mapping[str, TaskSource] | None = None
    ) -> None:
        self.devices, self.data, self.sources = devices, data, dict(sources or {})
        self.title = ""
        self.workers: list[Worker] = []
        self.failures = 0
        self.last_failure = ""
        self.looked = self.called = time.monotonic()
        self.selector = DefaultSelector()

    def __enter__(self) -> WorkerPool:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        try:
            for place in range(len(self.devices)):
                self.workers.append(self._start(place))
        except BaseException:
            self.stop()
            raise
        self.looked = time.monotonic()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _start(self, place: int) -> Worker:
        process, pipe = spawn(_main, place, self.devices[place], self.data)
        worker = Worker(place, process, pipe)
        if self.sources:
            self._tell(worker, Sources(self.sources))
        if self.title:
            self._tell_title(worker)
        return self._watched(worker)

    def name_workers(self, title: str) -> None:
        """Let the workers' processes be called by what they do, such as "archsearch evolve first", and their number."""
        self.title = title
        for worker in self.workers:
            self._tell_title(worker)

    def _tell_title(self, worker: Worker) -> None:
        self._tell(worker, Title(f"{self.title}: worker {worker.place}"))

    def _tell(self, worker: Worker, message: messages.ToWorker) -> None:
        """Send a worker a message; `events` sees one that is gone."""
        with contextlib.suppress(OSError):
            worker.pipe.send_bytes(messages.encode(message))

    def _watched(self, worker: Worker) -> Worker:
        """Let the selector wait for a worker's messages and its end."""
        for handle in (worker.pipe, worker.process.sentinel):
            self.selector.register(handle, EVENT_READ, worker)
        return worker

    def _close(self, worker: Worker) -> None:
        """Close the pipe to a worker that has ended, if that was not done."""
        if worker.pipe.closed:
            return
        for handle in (worker.pipe, worker.process.sentinel):
            self.selector.unregister(handle)
        worker.pipe.close()

    @property
    def idle(self) -> list[Worker]:
        """The workers that wait for work."""
        return [worker for worker in self.workers if worker.idle]

    def give(self, worker: Worker, job: Job | Probe) -> None:
        """Hand an idle worker something to do; a worker that is gone will be seen by `events`."""
        self._note_given(worker, job)
        self._tell(worker, job)

    def _note_given(self, worker: Worker, job: Job | Probe) -> None:
        worker.job, worker.begun, worker.silent, worker.longest = job, False, 0.0, 0.0
        if isinstance(job, Job):
            worker.cells.add(job.trials[0].cell)

    def events(self, timeout: float) -> Iterator[Event]:
        """Yield what workers said, and deaths, waiting at most `timeout` seconds for the first.

        Raises:
            WorkerError: Workers keep failing to start.
        """
        ready = {key.data for key, _ in self.selector.select(timeout)}
        passed = min(time.monotonic() - self.looked, LONGEST_LOOK)
        self.looked = time.monotonic()
        everybody = self.looked - self.called >= ROLL_CALL
        self.called = self.looked if everybody else self.called
        for worker in list(self.workers):
            worker.silent += passed
            if worker in ready or (everybody and not worker.process.is_alive()):
                yield from self._look(worker)
            if worker.hello is None and worker.silent > START_PATIENCE and worker in self.workers:
                yield self.kill(worker, f"it was not ready after {START_PATIENCE:.0f} s")

    def _look(self, worker: Worker) -> Iterator[Event]:
        """Yield what a worker said, and its death."""
        gone = not worker.process.is_alive()
        yield from self._messages(worker)
        if gone and worker in self.workers:
            yield self._replace(worker)

    def _messages(self, worker: Worker) -> Iterator[Event]:
        """Yield all messages of a worker; one that talks nonsense, or hangs up, is replaced."""
        try:
            while worker in self.workers and has_something(worker.pipe):
                message = messages.decode_for_driver(worker.pipe.recv_bytes(messages.MAX_BYTES))
                if not self._heard(worker, message):
                    return
                yield worker, message
        except (EOFError, ConnectionError):
            yield self._replace(worker)
        except (OSError, msgspec.DecodeError) as error:
            yield self._replace(worker, f"a message that cannot be read ({error})")

    def _heard(self, worker: Worker, message: ToDriver) -> bool:
        """Take note of what a worker said; return whether it is more than that it could not start."""
        worker.longest, worker.silent = max(worker.longest, worker.silent), 0.0
        if isinstance(message, Hello):
            worker.hello, self.failures = message, 0
            worker.idle_since = time.monotonic()
        if isinstance(message, Failed) and worker.hello is None:
            self.last_failure = message.text
            if isinstance(message.error, InputError | NoSpace):
                raise message.error
            return False
        return True

    def kill(self, worker: Worker, cause: str) -> Death:
        """End a worker and put a fresh one in its place."""
        worker.process.kill()
        return self._replace(worker, cause)

    def free(self) -> None:
        """Put fresh workers in the place of those that are at work: nobody waits for it any more."""
        for worker in [worker for worker in self.workers if worker.job is not None]:
            self.kill(worker, "nobody waits for it")

    def _replace(self, worker: Worker, cause: str = "") -> Death:
        """Put a fresh worker in the place of one; without a cause it is gone, or about to go, and its exit code tells."""
        if not cause:
            worker.process.join(HALF_A_MESSAGE)
            cause = cause_of_death(worker.process.exitcode)
        worker.process.kill()
        worker.process.join()
        self._close(worker)
        if worker.hello is None:
            self._note_failed_start(cause)
        self.workers[self.workers.index(worker)] = self._start(worker.place)
        return Death(worker, cause)

    def _note_failed_start(self, cause: str) -> None:
        self.failures += 1
        if self.failures >= START_FAILURES:
            words = f"{self.failures} workers in a row failed to start ({cause})\n{self.last_failure}"
            raise WorkerError(words.rstrip())

    def stop(self) -> None:
        """End all workers at once; what they were training goes back to the queue."""
        for worker in self.workers:
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()
            self._close(worker)
        self.workers = []
        self.selector.close()


def has_something(pipe: Connection) -> bool:
    """Whether a message, or the end, can be read from a pipe: what `pipe.poll()` says, in a twentieth of its time."""
    look = select.poll()
    look.register(pipe, select.POLLIN)
    return bool(look.poll(0))
