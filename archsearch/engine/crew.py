"""The crew: worker processes, one pipe and sentinel each, started by spawn and gone when the driver is gone.

No pool, no queue, no shared lock: a killed worker is seen at once and harms no other.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import signal
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

import msgspec
import multiprocess

from archsearch.engine import messages
from archsearch.engine.messages import Failed, Hello, Job, Probe, ToDriver
from archsearch.errors import ArchsearchError

START_FAILURES = 5
"""Workers that may fail to start in a row before the crew gives up."""

PR_SET_PDEATHSIG = 1


@dataclass
class Worker:
    """One worker process as the driver sees it.

    Attributes:
        slot: Its place in the crew; a replacement takes the same.
        process: The process.
        pipe: To the process.
        hello: What it said when it was ready, None before.
        job: What it works on.
        since: When it last gave a sign of life, on the monotonic clock.
        idle_since: When it became idle.
    """

    slot: int
    process: Any
    pipe: Connection
    hello: Hello | None = None
    job: Job | Probe | None = None
    since: float = field(default_factory=time.monotonic)
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


class Crew:
    """A fixed number of workers; dead ones are replaced.

    Args:
        devices: One device per worker.
        data: The folder of the tasks' files.
    """

    def __init__(self, devices: list[str], data: str | None) -> None:
        self.devices, self.data = devices, data
        self.workers: list[Worker] = []
        self.failures = 0
        self.last_failure = ""

    def __enter__(self) -> Crew:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        for slot in range(len(self.devices)):
            self.workers.append(self._start(slot))
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _start(self, slot: int) -> Worker:
        context = multiprocess.get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = (theirs, self.devices[slot], self.data, os.getpid())
        process = context.Process(target=_main, args=arguments, daemon=True, name=f"archsearch-worker-{slot}")
        before = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: Ctrl-C is the driver's business
        try:
            process.start()
        finally:
            signal.signal(signal.SIGINT, before)
        theirs.close()
        return Worker(slot, process, ours)

    @property
    def idle(self) -> list[Worker]:
        """The workers that wait for work."""
        return [worker for worker in self.workers if worker.idle]

    def give(self, worker: Worker, job: Job | Probe) -> None:
        """Hand an idle worker something to do; a worker that is gone will be seen by `events`."""
        worker.job, worker.since = job, time.monotonic()
        with contextlib.suppress(OSError):
            worker.pipe.send_bytes(messages.encode(job))

    def events(self, timeout: float) -> Iterator[Event]:
        """Yield what workers said, and deaths, waiting at most `timeout` seconds for the first.

        Raises:
            ArchsearchError: Workers keep failing to start.
        """
        by_handle = {handle: worker for worker in self.workers for handle in (worker.pipe, worker.process.sentinel)}
        ready = wait(list(by_handle), timeout)
        for worker in {id(by_handle[handle]): by_handle[handle] for handle in ready}.values():
            gone = worker.process.sentinel in ready
            yield from self._heard(worker)
            if gone and worker in self.workers:
                yield self._replace(worker, _cause(worker.process.exitcode))

    def _heard(self, worker: Worker) -> Iterator[Event]:
        """Yield all messages of a worker; one that talks nonsense is replaced."""
        try:
            while worker.pipe.poll():
                message = messages.decode_for_driver(worker.pipe.recv_bytes(messages.MAX_BYTES))
                worker.since = time.monotonic()
                if isinstance(message, Hello):
                    worker.hello, self.failures = message, 0
                    worker.idle_since = time.monotonic()
                if isinstance(message, Failed) and worker.hello is None:
                    self.last_failure = message.text
                    return
                yield worker, message
        except EOFError:
            return
        except (OSError, msgspec.DecodeError) as error:
            yield self.kill(worker, f"a message that cannot be read ({error})")

    def kill(self, worker: Worker, cause: str) -> Death:
        """End a worker and put a fresh one in its place."""
        _end(worker.process)
        return self._replace(worker, cause)

    def _replace(self, worker: Worker, cause: str) -> Death:
        worker.process.join()
        worker.pipe.close()
        if worker.hello is None:
            self.failures += 1
            if self.failures >= START_FAILURES:
                raise ArchsearchError(
                    f"{self.failures} workers in a row failed to start ({cause})\n{self.last_failure}".rstrip()
                )
        self.workers[self.workers.index(worker)] = self._start(worker.slot)
        return Death(worker, cause)

    def stop(self) -> None:
        """End all workers at once; what they were training goes back to the queue."""
        for worker in self.workers:
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()
            worker.pipe.close()
        self.workers = []


def _end(process: Any) -> None:
    """End a process that may ignore a polite request."""
    process.terminate()
    process.join(5)
    if process.is_alive():
        process.kill()


def _cause(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return signal.Signals(-exit_code).name
    return f"exit code {exit_code}"


def _main(pipe: Connection, device: str, data: str | None, driver: int) -> None:
    """Begin a worker process: die with the driver, keep standard output clean, and serve."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != driver:
        return
    os.dup2(2, 1)  # a user's task may print
    try:  # torch is imported here and nowhere in the driver
        worker = importlib.import_module("archsearch.engine.worker")
    except Exception:
        pipe.send_bytes(messages.encode(Failed(traceback.format_exc(), 1)))
        raise SystemExit(1) from None
    worker.serve(pipe, device, data)
