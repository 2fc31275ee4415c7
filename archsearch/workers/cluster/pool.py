"""The workers of a Ray cluster as the dispatcher sees them: what `WorkerPool` is for those of one machine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection, wait
from typing import Any

import msgspec

from archsearch import __version__
from archsearch.errors import ClusterLost, InputError, WorkerError
from archsearch.tasks import TaskSource
from archsearch.workers import messages
from archsearch.workers.cluster import letters
from archsearch.workers.cluster.bridge import begin_bridge as _bridge
from archsearch.workers.cluster.letters import (
    Begin,
    Bulletin,
    Dismiss,
    Errand,
    FromBridge,
    Gone,
    Joined,
    Lost,
    Note,
    Placed,
    Word,
)
from archsearch.workers.cluster.luggage import pack
from archsearch.workers.cluster.request import ClusterRequest
from archsearch.workers.devices import cpu_cores
from archsearch.workers.messages import Failed, Hello, Job, Probe
from archsearch.workers.pool import (
    LONGEST_LOOK,
    START_PATIENCE,
    Death,
    Event,
    Worker,
    WorkerPool,
    has_something,
)
from archsearch.workers.spawning import spawn

ROOM = 30
"""Seconds that the rest of a letter may take: the bridge serves many."""

JOINING = 120.0
"""Seconds that Ray has to start, or to join, a cluster."""


class ClusterPool(WorkerPool):
    """The workers of a cluster, there while the pool is entered; nodes may join and leave meanwhile.

    Args:
        request: The cluster.
        data: The folder of the tasks' files.
        sources: Where the files of users' own tasks lie, by the tasks' names.
        said: Takes what people should read.

    Attributes:
        request, said: The same.
        address: Of the cluster's head, once it is joined.
        bridge: The process that speaks Ray.
        pipe: To it.
        nodes: The address of each worker's node, by the worker's number.
        kind: What the first ready worker said that it is; all others must say the same.
        began: When the pool was entered, on the monotonic clock.
    """

    def __init__(
        self,
        request: ClusterRequest,
        data: str | None,
        sources: Mapping[str, TaskSource] | None = None,
        said: Callable[[str], object] = print,
    ) -> None:
        super().__init__([], data, sources)
        self.request, self.said = request, said
        self.address = ""
        self.bridge: Any = None
        self.pipe: Connection
        self.nodes: dict[int, str] = {}
        self.kind: Hello | None = None
        self.began = time.monotonic()

    def __enter__(self) -> ClusterPool:
        luggage = pack(self.data, self.sources)
        self.bridge, self.pipe = spawn(_bridge, 0, self.request.device, None, patience=ROOM)
        try:
            self._send(
                Begin(
                    address=self.request.head,
                    device=self.request.device,
                    workers=self.request.workers,
                    cores=cpu_cores(),
                    version=__version__,
                    luggage=luggage,
                )
            )
            until = time.monotonic() + JOINING
            while not self.address:
                if time.monotonic() > until:
                    raise InputError(f"{self.request.named}: Ray has not joined it within {JOINING:.0f} s")
                list(self.events(1.0))
        except BaseException:
            self.stop()
            raise
        self.began = time.monotonic()
        return self

    def name_workers(self, title: str) -> None:
        """Note the title alone: Ray calls the processes of its actors by what they are."""
        self.title = title

    def _send(self, letter: letters.ToBridge) -> None:
        """Send the bridge a letter; `events` sees one that is gone."""
        with contextlib.suppress(OSError):
            self.pipe.send_bytes(letters.encode(letter))

    def give(self, worker: Worker, job: Job | Probe) -> None:
        """Hand an idle worker something to do."""
        self._note_given(worker, job)
        self._send(Errand(worker.place, messages.encode(job)))

    def events(self, timeout: float) -> Iterator[Event]:
        """Yield what workers said, and deaths, waiting at most `timeout` seconds for the first.

        Raises:
            ClusterLost: The cluster is gone.
            InputError: There is no such cluster, or no worker can do what the search needs.
            WorkerError: No worker is ready in time.
        """
        wait([self.pipe], timeout)
        passed = min(time.monotonic() - self.looked, LONGEST_LOOK)
        self.looked = time.monotonic()
        for worker in self.workers:
            worker.silent += passed
        try:
            while has_something(self.pipe):
                yield from self._read(letters.decode_from_bridge(self.pipe.recv_bytes(messages.MAX_BYTES)))
        except (OSError, EOFError, msgspec.DecodeError) as error:
            raise ClusterLost(f"{self.request.named}: what speaks Ray has ended ({error})") from None
        if self.kind is None and self.looked - self.began > START_PATIENCE:
            raise WorkerError(
                f"{self.request.named}: no worker was ready within {START_PATIENCE:.0f} s; 'ray status' says what the "
                "cluster has left"
            )

    def _read(self, letter: FromBridge) -> Iterator[Event]:
        """Take in a letter, and yield what comes of it."""
        match letter:
            case Joined():
                self.address, self.devices = letter.address, ["cpu"] * letter.workers
            case Note():
                self.said(letter.text)
            case Lost():
                raise (InputError if letter.refused else ClusterLost)(f"{self.request.named}: {letter.text}")
            case Placed():
                self.nodes[letter.number] = letter.node
                self.workers.append(Worker(letter.number, self.bridge, self.pipe))
                self.devices = [letter.device] * max(len(self.workers), len(self.devices))
            case Gone():
                for worker in self._called(letter.number):
                    yield self._removed(worker, letter.cause)
                    if self.kind is None:
                        self._note_failed_start(letter.cause)
            case Word():
                for worker in self._called(letter.number):
                    yield from self._bulletin(worker, letter.bulletin)

    def _called(self, number: int) -> list[Worker]:
        """Return the worker of a number, if it is still one of ours."""
        return [worker for worker in self.workers if worker.place == number]

    def _bulletin(self, worker: Worker, bulletin: Bulletin) -> Iterator[Event]:
        """Yield what a worker said, and its death."""
        for encoded in bulletin.messages:
            message = messages.decode_for_driver(encoded)
            if worker in self.workers and self._heard(worker, message):
                yield worker, message
        if worker not in self.workers:
            return
        if bulletin.refusal:
            yield self._leave_out(worker, Failed(bulletin.refusal, bulletin.exit_code))
        elif bulletin.death:
            fresh = Worker(worker.place, worker.process, worker.pipe)
            self.workers[self.workers.index(worker)] = fresh
            yield Death(worker, bulletin.death)
        elif worker.hello is not None and self._is_stranger(worker.hello):
            words = f"{worker.hello.machine}, {worker.hello.engine}: another kind than the first worker's"
            yield self._leave_out(worker, Failed(words, InputError.exit_code))

    def _is_stranger(self, hello: Hello) -> bool:
        """Whether a worker is of another kind than the first one that was ready: its scores would not compare."""
        self.kind = self.kind or hello
        return (hello.machine, hello.engine) != (self.kind.machine, self.kind.engine)

    def _leave_out(self, worker: Worker, why: Failed) -> Death:
        """Do without a worker from now on.

        Raises:
            ArchsearchError: It was the last.
        """
        self._send(Dismiss(worker.place, replaced=False))
        node, death = self.nodes[worker.place], self._removed(worker, why.text)
        if not self.workers:
            raise why.error
        self.said(f"a worker on {node} is left out: {why.text}")
        return death

    def _removed(self, worker: Worker, cause: str) -> Death:
        self.workers.remove(worker)
        del self.nodes[worker.place]
        return Death(worker, cause)

    def kill(self, worker: Worker, cause: str) -> Death:
        """End a worker; another one takes its place as soon as it is ready."""
        self._send(Dismiss(worker.place))
        return self._removed(worker, cause)

    def stop(self) -> None:
        """Leave the cluster at once: Ray ends the workers of a driver that is gone, and a cluster of our own."""
        self.workers = []
        if self.bridge is not None:
            self.bridge.kill()
            self.bridge.join()
            self.pipe.close()
        self.selector.close()
