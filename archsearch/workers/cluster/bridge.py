"""The process between the driver and a Ray cluster: seats workers on nodes, passes letters on, and notes who is lost.

Ray replaces the handlers of signals, prints, and ends a process whose cluster is gone; here it does so to none of ours.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from archsearch.errors import InputError
from archsearch.workers.cluster import letters
from archsearch.workers.cluster.joining import CONNECT, head_of, join
from archsearch.workers.cluster.letters import Begin, Dismiss, Errand, Gone, Joined, Lost, Note, Placed, Word
from archsearch.workers.cluster.outpost import Outpost
from archsearch.workers.cluster.seating import Seat, seats_on
from archsearch.workers.entry import die_with, leave_signals_to_the_driver
from archsearch.workers.guard import end_descendants_with_this

ROLL_CALL = 1.0
"""Seconds between two looks at the nodes."""

REFUSALS = 3
"""Connections that a head may refuse in a row before it is gone."""

SILENCE = 20.0
"""Seconds without an answer after which a head is gone: Ray ends this process after 60."""

STARTS = 3
"""Times that a worker may fail to start on a seat, which is left empty then."""


def begin_bridge(pipe: Connection, device: str, data: str | None, driver: int) -> None:
    """Begin the process and serve until the driver is gone.

    Args:
        pipe: To the driver.
        device: Of no matter here, nor is `data`: the first letter says what is wanted.
        data: See there.
        driver: The driver's process id.
    """
    leave_signals_to_the_driver()
    die_with(driver)
    end_descendants_with_this()
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # Ray writes to its own logs, too
        os.dup2(silence, stream)
    begin = letters.decode_for_bridge(pipe.recv_bytes())
    assert isinstance(begin, Begin)
    try:
        Bridge(pipe, begin, Outpost).serve()
    except InputError as error:
        pipe.send_bytes(letters.encode(Lost(str(error), refused=True)))
    except Exception:
        pipe.send_bytes(letters.encode(Lost(traceback.format_exc()[-2000:])))
    os._exit(0)  # Ray's own leave-taking waits for a head that may be gone


@dataclass(eq=False)
class Seated:
    """A worker on a seat.

    Attributes:
        number: Its number.
        seat: The seat.
        actor: Ray's handle of it.
        busy: Whether it owes a bulletin.
        waiting: A request that it gets after that; empty for none.
        ready: Whether any has come.
    """

    number: int
    seat: Seat
    actor: Any
    busy: bool = False
    waiting: bytes = b""
    ready: bool = False


class Bridge:
    """Serves one driver with one cluster.

    Threads read, write, call the roll and wait for bulletins; all that they have goes through one queue, to one loop.

    Args:
        pipe: To the driver.
        begin: What was asked for.
        outpost: The class of the actors.

    Attributes:
        pipe, begin: The same.
        ray: The module, once it has joined the cluster.
        actor: Makes an outpost on a seat.
        head: Host and port of the head.
        queue: What the threads bring: each is called by the loop.
        out: Letters to the driver; None ends them.
        writer: The thread that sends these.
        seated: The workers by their numbers.
        failed: How often workers failed to start, by node and place; seats without hope have more than enough.
        count: How many workers there ever were.
        heard: When the head answered last, on the monotonic clock.
        over: Why there is no cluster any more; None while there is.
    """

    def __init__(self, pipe: Connection, begin: Begin, outpost: type[Outpost]) -> None:
        self.pipe, self.begin = pipe, begin
        luggage = letters.encode(begin.luggage)
        self.ray = join(begin, len(luggage))
        leave_signals_to_the_driver()  # `ray.init` has put a handler of its own there
        stored = self.ray.put(luggage)  # each node fetches it once, from the object store
        made = self.ray.remote(max_restarts=0, max_task_retries=0)(outpost)
        strategy = importlib.import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy

        def actor(seat: Seat) -> Any:
            return made.options(
                num_cpus=0 if seat.share else 1,
                num_gpus=seat.share,
                scheduling_strategy=strategy(seat.node, soft=False),
            ).remote(seat.device, seat.neighbours, begin.version, stored)

        self.actor: Callable[[Seat], Any] = actor
        address = self.ray.get_runtime_context().gcs_address
        self.head = head_of(address)
        self.queue: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.out: SimpleQueue[letters.FromBridge | None] = SimpleQueue()
        self.writer = Thread(target=self._write, daemon=True)
        self.seated: dict[int, Seated] = {}
        self.failed: dict[tuple[str, int], int] = {}
        self.count = 0
        self.heard = time.monotonic()
        self.over: str | None = None
        self.out.put(Joined(address, len(self._seats(self.ray.nodes()))))

    def serve(self) -> None:
        """Serve until the driver or the cluster is gone."""
        for thread in (
            self.writer,
            *(Thread(target=each, daemon=True) for each in (self._read, self._call_roll)),
        ):
            thread.start()
        self._seat_all(self.ray.nodes())
        while self.over is None:
            with contextlib.suppress(Empty):
                self.queue.get(timeout=ROLL_CALL)()
            if time.monotonic() - self.heard > SILENCE:
                self.over = f"its head has not answered for {SILENCE:.0f} s"
        self.out.put(Lost(self.over))
        self.out.put(None)
        self.writer.join()

    # -- the threads --------------------------------------------------------------------------------------------

    def _read(self) -> None:
        """Take in the driver's letters; when it is gone, so is this process."""
        try:
            while True:
                letter = letters.decode_for_bridge(self.pipe.recv_bytes())
                if isinstance(letter, Errand):
                    self.queue.put(partial(self._errand, letter))
                elif isinstance(letter, Dismiss):
                    self.queue.put(partial(self._dismiss, letter))
        except EOFError:
            os._exit(0)

    def _write(self) -> None:
        while (letter := self.out.get()) is not None:
            self.pipe.send_bytes(letters.encode(letter))

    def _call_roll(self) -> None:
        """Ask the head for the nodes again and again."""
        refusals = 0
        while True:
            time.sleep(ROLL_CALL)
            try:
                socket.create_connection(self.head, CONNECT).close()
                nodes = self.ray.nodes()
            except ConnectionRefusedError:
                refusals += 1
                if refusals == REFUSALS:
                    self.queue.put(partial(self._end, "its head is gone"))
            except Exception:  # whatever Ray says of a head that does not answer: time will tell
                continue
            else:
                refusals = 0
                self.queue.put(partial(self._seat_all, nodes))

    # -- the loop -----------------------------------------------------------------------------------------------

    def _end(self, why: str) -> None:
        self.over = why

    def _seats(self, nodes: list[dict[str, Any]]) -> list[Seat]:
        return seats_on(nodes, self.begin.device, self.begin.workers)

    def _seat_all(self, nodes: list[dict[str, Any]]) -> None:
        """Put a worker on every free seat, and take leave of those whose node is gone."""
        self.heard = time.monotonic()
        alive = {node["NodeID"]: node["NodeManagerAddress"] for node in nodes if node["Alive"]}
        if self.ray.get_runtime_context().get_node_id() not in alive:
            self._end("the node that the search runs on is lost to it")
            return
        for seated in list(self.seated.values()):
            if seated.seat.node not in alive:
                self._leave(seated, f"its node {seated.seat.address} is lost")
        taken = {(each.seat.node, each.seat.place) for each in self.seated.values()}
        for seat in self._seats(nodes):
            place = seat.node, seat.place
            if place not in taken and self.failed.get(place, 0) < STARTS:
                self._seat(seat)

    def _seat(self, seat: Seat) -> None:
        """Start a worker, and wait for its first word."""
        self.count += 1
        seated = Seated(self.count, seat, self.actor(seat))
        self.seated[seated.number] = seated
        self.out.put(Placed(seated.number, seat.address, seat.device))
        self._ask(seated, b"")

    def _ask(self, seated: Seated, request: bytes) -> None:
        """Ask a worker for its next bulletin."""
        seated.busy = True
        future = seated.actor.work.remote(request).future()
        future.add_done_callback(lambda done: self.queue.put(partial(self._answer, seated, done)))

    def _errand(self, errand: Errand) -> None:
        """Hand a worker a request, now or after the bulletin that it owes."""
        seated = self.seated.get(errand.number)
        if seated is None:
            return
        if seated.busy:
            seated.waiting = errand.request
        else:
            self._ask(seated, errand.request)

    def _answer(self, seated: Seated, done: Any) -> None:
        """Pass a bulletin on, and ask for the next; a worker without one is lost."""
        if seated.number not in self.seated:
            return
        if (error := done.exception()) is not None:
            self._lose(seated, error)
            return
        bulletin = letters.decode_bulletin(done.result())
        seated.busy, seated.ready = False, True
        self.failed.pop((seated.seat.node, seated.seat.place), None)
        self.out.put(Word(seated.number, bulletin))
        if seated.waiting or not bulletin.ended:
            request, seated.waiting = seated.waiting, b""
            self._ask(seated, request)

    def _lose(self, seated: Seated, error: BaseException) -> None:
        """Take leave of a worker whose actor is gone, or could never be made."""
        words = " ".join(str(error).split())
        if seated.ready:
            self._leave(seated, f"its actor or its node is lost ({words[:200]})")
            return
        place = seated.seat.node, seated.seat.place
        self.failed[place] = self.failed.get(place, 0) + 1
        self._leave(seated, f"it could not start ({words[-300:]})")
        if self.failed[place] == STARTS:
            self.out.put(
                Note(f"a worker on {seated.seat.address} is left out, it could not start: {words[-300:]}")
            )

    def _leave(self, seated: Seated, cause: str) -> None:
        """End a worker; the driver hears of it."""
        self._kill(seated)
        self.out.put(Gone(seated.number, cause))

    def _dismiss(self, letter: Dismiss) -> None:
        """End a worker as the driver wants it; the next roll call fills its seat, if that may be."""
        if (seated := self.seated.get(letter.number)) is not None:
            self._kill(seated)
            if not letter.replaced:
                self.failed[seated.seat.node, seated.seat.place] = STARTS

    def _kill(self, seated: Seated) -> None:
        del self.seated[seated.number]
        self.ray.kill(seated.actor, no_restart=True)
