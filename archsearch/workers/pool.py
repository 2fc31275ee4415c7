"""The crew: worker processes, one pipe and sentinel each, started by spawn and gone when the driver is gone.

No pool, no queue, no shared lock: a killed worker is seen at once and harms no other.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib
import os
import signal
import socket
import struct
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any

import msgspec
import multiprocess
from multiprocess import resource_tracker

from archsearch.errors import ArchsearchError, InputError
from archsearch.workers import messages
from archsearch.workers.messages import Failed, Hello, Job, Probe, ToDriver

START_FAILURES = 5
"""Workers that may fail to start in a row before the crew gives up."""

START_PATIENCE = 300.0
"""Seconds that a worker has to say hello."""

HALF_A_MESSAGE = 2
"""Seconds that the rest of a message may take."""

LONGEST_LOOK = 5.0
"""Seconds of silence that one look at the workers may add: a driver that slept does not blame them."""

NAME = "archsearch-worker-"

STOPPING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
"""Signals that a whole group of processes gets when a person or the host ends a search. They are the driver's business:
it ends its workers, and what they were training is no death."""

PR_SET_PDEATHSIG = 1


@dataclass(eq=False)
class Worker:
    """One worker process as the driver sees it.

    Attributes:
        slot: Its place in the crew; a replacement takes the same.
        process: The process.
        pipe: To the process.
        hello: What it said when it was ready, None before.
        job: What it was given to do.
        begun: Whether it has said that it works on the job; what ends it before that is not the job's doing.
        silent: Seconds without a sign of life.
        idle_since: When it became idle, on the monotonic clock.
    """

    slot: int
    process: Any
    pipe: Connection
    hello: Hello | None = None
    job: Job | Probe | None = None
    begun: bool = False
    silent: float = 0.0
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
        self.looked = time.monotonic()

    def __enter__(self) -> WorkerPool:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        try:
            for slot in range(len(self.devices)):
                self.workers.append(self._start(slot))
        except BaseException:
            self.stop()
            raise
        self.looked = time.monotonic()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _start(self, slot: int) -> Worker:
        context = multiprocess.get_context("spawn")
        ours, theirs = context.Pipe()
        _bound_waiting(ours)
        arguments = (theirs, self.devices[slot], self.data, os.getpid())
        process = context.Process(target=_main, args=arguments, daemon=True, name=f"{NAME}{slot}")
        resource_tracker.ensure_running()  # process.start() would do it, and would let the signals through again
        before = signal.pthread_sigmask(
            signal.SIG_BLOCK, STOPPING
        )  # and in the worker, until it ignores them
        try:
            process.start()
        except OSError as error:
            raise ArchsearchError(f"a worker process cannot be started: {error.strerror}") from None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        return Worker(slot, process, ours)

    @property
    def idle(self) -> list[Worker]:
        """The workers that wait for work."""
        return [worker for worker in self.workers if worker.idle]

    def give(self, worker: Worker, job: Job | Probe) -> None:
        """Hand an idle worker something to do; a worker that is gone will be seen by `events`."""
        worker.job, worker.begun, worker.silent = job, False, 0.0
        with contextlib.suppress(OSError):
            worker.pipe.send_bytes(messages.encode(job))

    def events(self, timeout: float) -> Iterator[Event]:
        """Yield what workers said, and deaths, waiting at most `timeout` seconds for the first.

        Raises:
            ArchsearchError: Workers keep failing to start.
        """
        handles = [handle for worker in self.workers for handle in (worker.pipe, worker.process.sentinel)]
        ready = wait(handles, timeout)
        passed = min(time.monotonic() - self.looked, LONGEST_LOOK)
        self.looked = time.monotonic()
        for worker in list(self.workers):
            worker.silent += passed
            gone = worker.process.sentinel in ready or not worker.process.is_alive()
            yield from self._heard(worker)
            if worker not in self.workers:
                continue
            if gone:
                yield self._replace(worker)
            elif worker.hello is None and worker.silent > START_PATIENCE:
                yield self.kill(worker, f"it was not ready after {START_PATIENCE:.0f} s")

    def _heard(self, worker: Worker) -> Iterator[Event]:
        """Yield all messages of a worker; one that talks nonsense, or hangs up, is replaced."""
        try:
            while worker in self.workers and worker.pipe.poll():
                message = messages.decode_for_driver(worker.pipe.recv_bytes(messages.MAX_BYTES))
                worker.silent = 0.0
                if isinstance(message, Hello):
                    worker.hello, self.failures = message, 0
                    worker.idle_since = time.monotonic()
                if isinstance(message, Failed) and worker.hello is None:
                    self.last_failure = message.text
                    if message.exit_code == InputError.exit_code:
                        raise InputError(message.text)
                    return
                yield worker, message
        except (EOFError, ConnectionError):
            yield self._replace(worker)
        except (OSError, msgspec.DecodeError) as error:
            yield self._replace(worker, f"a message that cannot be read ({error})")

    def kill(self, worker: Worker, cause: str) -> Death:
        """End a worker and put a fresh one in its place."""
        worker.process.kill()
        return self._replace(worker, cause)

    def _replace(self, worker: Worker, cause: str = "") -> Death:
        """Put a fresh worker in the place of one; without a cause it is gone, or about to go, and its exit code tells."""
        if not cause:
            worker.process.join(HALF_A_MESSAGE)
            cause = _cause(worker.process.exitcode)
        worker.process.kill()
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


@atexit.register  # runs before multiprocess's own, which would wait for workers that ignore its polite request
def _end_all() -> None:
    for process in multiprocess.active_children():
        if process.name.startswith(NAME):
            process.kill()


def _bound_waiting(pipe: Connection) -> None:
    """Let no read or write of a message that has begun wait for ever."""
    with socket.socket(fileno=os.dup(pipe.fileno())) as end:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            end.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", HALF_A_MESSAGE, 0))


def _cause(exit_code: int | None) -> str:
    """Return an exit code in words; None is a process that closed its pipe and lives on."""
    if exit_code is None:
        return "it closed its pipe"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"


def _main(pipe: Connection, device: str, data: str | None, driver: int) -> None:
    """Begin a worker process: die with the driver, keep standard output clean, and serve."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    _die_with(driver)
    os.dup2(2, 1)  # a user's task may print
    try:  # torch is imported here and nowhere in the driver
        worker = importlib.import_module("archsearch.workers.process")
    except Exception:
        pipe.send_bytes(messages.encode(Failed(traceback.format_exc(), 1)))
        raise SystemExit(1) from None
    worker.serve(pipe, device, data)


def _die_with(driver: int) -> None:
    """Let this process end when the driver does, however the driver ends."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except AttributeError:  # not Linux
        Thread(target=_watch, args=(driver,), daemon=True).start()
    if os.getppid() != driver:
        os._exit(1)


def _watch(driver: int) -> None:
    while os.getppid() == driver:
        time.sleep(0.5)
    os._exit(1)
