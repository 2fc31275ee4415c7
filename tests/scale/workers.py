"""What workers cost the driver, when they answer at once, and how many a search keeps busy, in simulated time.

Three kinds of workers: processes of this machine, actors of a Ray cluster of our own, and stand-ins, any number of which one
process in the place of the bridge answers for, so that driver, letters and pipe are measured, and Ray is not.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from heapq import heappop, heappush
from math import exp
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from statistics import NormalDist
from threading import Thread

import psutil

from archsearch.actions.listener import SearchLimits, as_listener
from archsearch.actions.loop import SearchLoop
from archsearch.cell import library
from archsearch.protocol.records import Outcome, Trial
from archsearch.search import STRATEGIES
from archsearch.store import RunStore, make_run
from archsearch.workers import messages, pool
from archsearch.workers.cluster import letters
from archsearch.workers.cluster import pool as cluster_pool
from archsearch.workers.cluster.letters import Begin, Bulletin, Errand, Joined, Placed, Word
from archsearch.workers.cluster.pool import ClusterPool
from archsearch.workers.cluster.request import ClusterRequest
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.entry import die_with, leave_signals_to_the_driver
from archsearch.workers.messages import Alive, Hello, Job, Result
from archsearch.workers.pool import Worker, WorkerPool
from archsearch.workers.trial_log import MemoryTrialLog
from tests.helpers import fakes
from tests.helpers.clusters import fake_bridge
from tests.helpers.plans import World, chance, run_plan
from tests.scale.search import BASE, STRATEGY, InstantPool, answer, free_cells, plan_of

ROUNDS, SECONDS = 5, 1.0
"""How often, and how long, a number of workers is measured; the best round counts, for other work only slows one down."""

BATCH = 200
"""Trials that are queued at a time, at least."""

LSTM = library.load("lstm")
PLAN = run_plan()
WORLD = World()


def stand_in(pipe: Connection, device: str, data: str | None, driver: int) -> None:
    """Answer for all workers at once, in the place of a bridge."""
    leave_signals_to_the_driver()
    die_with(driver)
    out: SimpleQueue[letters.FromBridge] = SimpleQueue()

    def write() -> None:
        while True:
            pipe.send_bytes(letters.encode(out.get()))

    Thread(target=write, daemon=True).start()
    begin = letters.decode_for_bridge(pipe.recv_bytes())
    assert isinstance(begin, Begin) and begin.workers is not None
    out.put(Joined("nowhere", begin.workers))
    hello = messages.encode(Hello("no machine", "simulated 1"))
    for number in range(begin.workers):
        out.put(Placed(number, "nowhere", "cpu"))
        out.put(Word(number, Bulletin([hello], ended=True)))
    while True:
        letter = letters.decode_for_bridge(pipe.recv_bytes())
        if isinstance(letter, Errand):
            job = messages.decode_for_worker(letter.request)
            assert isinstance(job, Job)
            said = [
                Alive(job.number, 0),
                *(Result(job.number, i, WORLD(each)) for i, each in enumerate(job.trials)),
            ]
            out.put(Word(letter.number, Bulletin([messages.encode(each) for each in said], ended=True)))


def trials(first: int, count: int) -> list[Trial]:
    """Return different trials of one cell."""
    settings = PLAN.settings["xml"]
    return [
        PLAN.trial(LSTM.id, "xml", settings[number % len(settings)], seed=number // len(settings))
        for number in range(first, first + count)
    ]


def rate(workers: WorkerPool, count: int) -> tuple[float, float, float]:
    """Return how many trials a second workers end, once all are ready, and the ms of processor that one costs here.

    Args:
        workers: The workers.
        count: How many they are.

    Returns:
        The trials, the milliseconds in this process, and those in the bridge of a cluster.
    """
    while len(workers.idle) < count:
        list(workers.events(0.1))
    dispatcher = Dispatcher(MemoryTrialLog(), workers, lambda identity: LSTM)
    batch, done, best = max(BATCH, 2 * count), 0, 0.0
    dispatcher.finish(trials(10**6, batch))
    bridge = psutil.Process(workers.bridge.pid if isinstance(workers, ClusterPool) else None)
    here, there = time.process_time(), sum(bridge.cpu_times()[:2])
    for _ in range(ROUNDS):
        began, before = time.perf_counter(), done
        while time.perf_counter() - began < SECONDS:
            dispatcher.finish(trials(done, batch))
            done += batch
        best = max(best, (done - before) / (time.perf_counter() - began))
    driver, bridges = time.process_time() - here, sum(bridge.cpu_times()[:2]) - there
    return best, 1000 * driver / done, 1000 * bridges / done


KINDS: dict[str, Callable[[int], WorkerPool]] = {
    "processes": lambda count: WorkerPool(["cpu"] * count, None),
    "actors": lambda count: _cluster(count, fake_bridge),
    "stand-ins": lambda count: _cluster(count, stand_in),
}
"""Kind of workers -> a pool of so many."""


def _cluster(count: int, bridge: Callable[..., None]) -> WorkerPool:
    cluster_pool._bridge = bridge
    os.environ["ARCHSEARCH_CORES"] = str(count)
    return ClusterPool(ClusterRequest("", "cpu", count), None)


class TimedPool(InstantPool):
    """Workers whose jobs take simulated time, and none of the clock's.

    Attributes:
        now: Seconds so far.
        busy: Seconds of work so far, of all workers together.
        ends: The jobs under way, the first to end first.
    """

    def __init__(self, count: int, world: Callable[[Trial], Outcome]) -> None:
        super().__init__(count, world)
        self.now = self.busy = 0.0
        self.ends: list[tuple[float, int, Worker, Job]] = []

    def give(self, worker: Worker, job: Job) -> None:
        worker.job, worker.begun = job, True
        seconds = sum(map(seconds_of, job.trials))
        self.busy += seconds
        heappush(self.ends, (self.now + seconds, job.number, worker, job))

    def events(self, timeout: float) -> Iterator[tuple[Worker, Result]]:
        """Yield the results of the next hundredth of a second in which there are some."""
        until = self.ends[0][0] + 0.01 if self.ends else self.now
        while self.ends and self.ends[0][0] <= until:
            self.now, _, worker, job = heappop(self.ends)
            for index, trial in enumerate(job.trials):
                yield worker, Result(job.number, index, self.world(trial))


def seconds_of(trial: Trial) -> float:
    """Return how long a trial takes: a log-normal time of one second in the median, a tenth of it for the filter."""
    spread = NormalDist().inv_cdf(min(0.999, max(0.001, chance("time", trial.key))))
    return exp(0.5 * spread) * (0.1 if trial.stop_at is not None else 1.0)


def share_busy(folder: Path, count: int, look_ahead: int, candidates: int) -> tuple[float, float]:
    """Return the share of the workers' time in which they work in a search, and the driver's milliseconds a trial.

    Args:
        folder: Of the run; it must not be there.
        count: How many workers.
        look_ahead: How many steps are open at a time.
        candidates: Of the search.
    """
    STRATEGIES[STRATEGY] = free_cells
    plan = plan_of(look_ahead=look_ahead)
    make_run(folder, plan)
    began = time.process_time()
    with RunStore.open(folder, write=True) as store:
        timed = TimedPool(count, answer)
        dispatcher = Dispatcher(store.trials, timed, lambda _: BASE)  # type: ignore[arg-type]
        limits, marks = SearchLimits(max_candidates=candidates), list[tuple[float, float]]()
        listener = as_listener(None)
        listener.told = lambda *step: marks.append((timed.now, timed.busy))  # type: ignore[method-assign]
        SearchLoop(store, plan, dispatcher, limits, listener, lambda: False).run()
        middle, last = marks[len(marks) // 4], marks[3 * len(marks) // 4]  # neither the beginning nor the end
        share = (last[1] - middle[1]) / (count * max(1e-9, last[0] - middle[0]))
        return min(1.0, share), 1000 * (time.process_time() - began) / max(1, dispatcher.trained)


def report_rates(kind: str, counts: list[int]) -> None:
    """Print how many trials a second numbers of workers of a kind end."""
    pool._main = fakes.main
    os.environ |= {"SLOW": "0", "TROUBLE": ""}
    for count in counts:
        with ExitStack() as stack:
            began = time.perf_counter()
            workers = stack.enter_context(KINDS[kind](count))
            found, driver, bridge = rate(workers, count)
            print(
                f"{count:>5} {kind:<10} {found:>7.0f} trials/s  {1000 / found:.2f} ms a trial  "
                f"processor: driver {driver:.3f} ms, bridge {bridge:.3f} ms  "
                f"ready and measured in {time.perf_counter() - began:.0f} s",
                flush=True,
            )


def report_timelines(counts: list[int]) -> None:
    """Print which share of their time numbers of workers are busy, for several look-aheads."""
    for count in counts:
        for look_ahead in (max(2, count // 8), max(2, count // 4), max(2, count // 2), count):
            with tempfile.TemporaryDirectory() as folder:
                candidates = max(200, 6 * count)
                share, cost = share_busy(Path(folder) / "timed", count, look_ahead, candidates)
            print(
                f"{count:>5} workers, W = {look_ahead:>5}: busy {share:.1%}  driver {cost:.2f} ms a trial",
                flush=True,
            )
