"""The actor of a Ray cluster: on one core or GPU of a node it keeps a pool of one worker process, and passes on its words.

The process is the one that trains on a single machine too, so its bits are the same, and its death has the same cause.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from msgspec.structs import replace

from archsearch import __version__
from archsearch.cache_folder import cache_folder
from archsearch.errors import ArchsearchError, InputError
from archsearch.protocol.records import Outcome
from archsearch.workers import messages
from archsearch.workers.cluster.letters import Bulletin, decode_luggage, encode
from archsearch.workers.cluster.luggage import unpack
from archsearch.workers.memory import MemoryWatch
from archsearch.workers.messages import Facts, Failed, Job, Result
from archsearch.workers.pool import Death, Event, Worker, WorkerPool

LINGER = 0.05
"""Seconds that a word waits for others: a job that is short is one answer."""

LOOK = 0.2
"""Seconds that one look at the worker waits."""

TASKS = "tasks"
"""The folder in the cache of a node with files of tasks that were sent there."""


class Outpost:
    """A worker process on a node, and what has come of it.

    Args:
        device: "cpu" or "cuda:0".
        neighbours: How many outposts share the node's memory.
        version: The driver's archsearch.
        luggage: The files of tasks, encoded.

    Attributes:
        refusal: Says why there is no worker here; None if there is one.
        pool: The pool of one.
        memory: Looks how much memory it holds.
        left: The places of the job's trials that have no result yet.
    """

    def __init__(self, device: str, neighbours: int, version: str, luggage: bytes) -> None:
        self.refusal: Bulletin | None = None
        self.left: set[int] = set()
        try:
            if version != __version__:
                raise InputError(
                    f"archsearch {__version__} is installed there, {version} where the search is"
                )
            data, sources = unpack(decode_luggage(luggage), cache_folder() / TASKS)
            self.pool = WorkerPool([device], data, sources)
            self.memory = MemoryWatch(neighbours)
            self.pool.__enter__()
        except (ArchsearchError, OSError) as error:
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        code = getattr(error, "exit_code", ArchsearchError.exit_code)
        self.refusal = Bulletin([], ended=True, refusal=str(error), exit_code=code)

    def work(self, request: bytes = b"") -> bytes:
        """Give the worker a request, if there is one, and return the next bulletin, encoded.

        Args:
            request: As `workers.messages` encodes it, or nothing: then what is under way goes on.
        """
        try:
            if request and self.refusal is None:
                self._give(messages.decode_for_worker(request))
            return encode(self.refusal or self._bulletin())
        except ArchsearchError as error:
            self._refuse(error)
            return encode(self.refusal)

    def _give(self, request: messages.ToWorker) -> None:
        """Hand a request to the worker as soon as it is ready."""
        assert isinstance(request, Job | messages.Probe)
        while not self.pool.idle:
            list(self.pool.events(LOOK))
        if isinstance(request, Job):
            request = _with_paused_trials_here(request)
            self.left = set(range(len(request.trials)))
        self.pool.give(self.pool.workers[0], request)

    def _bulletin(self) -> Bulletin:
        """Wait for something to tell, and a little longer for more of it."""
        said: list[bytes] = []
        until = float("inf")
        while not self.pool.idle and time.monotonic() < until:
            for event in self._events(min(LOOK, max(0.0, until - time.monotonic()))):
                if isinstance(event, Death):
                    if event.worker.job is not None:
                        return Bulletin(said, ended=False, death=event.cause)
                    continue
                said.append(messages.encode(event[1]))
                until = min(until, time.monotonic() + LINGER)
                self._note(*event)
        return Bulletin(said, ended=bool(self.pool.idle))

    def _events(self, timeout: float) -> list[Event]:
        """Return what the worker said, and what is to be said of the memory that it holds."""
        events = list(self.pool.events(timeout))
        for worker, words in self.memory.excesses(self.pool.workers):
            if isinstance(worker.job, Job):
                events.append(
                    (worker, Result(worker.job.number, min(self.left), Outcome("oom", reason=words)))
                )
        return events

    def _note(self, worker: Worker, message: messages.ToDriver) -> None:
        """Take note that a request is done; a worker that holds much gives its place to a fresh one."""
        if isinstance(message, messages.Alive):
            worker.begun = True
        if isinstance(message, Result):
            self.left.discard(message.index)
        if isinstance(message, Facts | Failed) or (isinstance(message, Result) and not self.left):
            worker.job = None
            if worker.is_large:
                self.pool.kill(worker, "old")


def _with_paused_trials_here(job: Job) -> Job:
    """Return a job that keeps no paused trials where this node does not see the run's folder: they begin anew."""
    with contextlib.suppress(OSError):
        if Path(job.checkpoints).parent.is_dir():
            return job
    return replace(job, checkpoints="")
