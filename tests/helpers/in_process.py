"""A search in this process, with a worker that answers at once: as fast as driver and database are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

from archsearch.actions.listener import SearchLimits, as_listener
from archsearch.actions.loop import SearchLoop
from archsearch.actions.program import AskedProgram
from archsearch.protocol.records import Outcome, Trial
from archsearch.store import RunStore
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.messages import Hello, Job, Result
from archsearch.workers.pool import Event, Worker
from tests.helpers.plans import World


class InstantPool:
    """Takes the place of a `WorkerPool`.

    Args:
        answer: How a trial ends; None for the simulated world's way.

    Attributes:
        devices, workers: As those of a pool.
        said: What the worker has said that nobody has heard yet.
    """

    def __init__(self, answer: Callable[[Trial], Outcome] | None = None) -> None:
        self.answer = answer or World(fails=0.3)
        self.devices = ["cpu"]
        hello = Hello("no machine", "simulated 1")
        self.workers = [Worker(0, SimpleNamespace(pid=1), None, hello)]  # type: ignore[arg-type]
        self.said: list[Event] = []

    @property
    def idle(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.idle]

    def give(self, worker: Worker, job: Job) -> None:
        worker.job = job
        for index, trial in enumerate(job.trials):
            self.said.append((worker, Result(job.number, index, self.answer(trial))))

    def events(self, timeout: float) -> Iterator[Event]:
        said, self.said = self.said, []
        yield from said


def search_on(
    folder: Path,
    candidates: int | None,
    told: Callable[[], object] = lambda: None,
    trials: int | None = None,
    answer: Callable[[Trial], Outcome] | None = None,
    ask: str | None = None,
    patience: float = 30.0,
) -> None:
    """Go on with a run to its end.

    Args:
        folder: Of the run.
        candidates: Its candidates in all; None for no limit.
        told: Called after every step that is told.
        trials: Its trials in all; None for no limit.
        answer: How a trial ends; None for the simulated world's way.
        ask: The command of the program that is asked.
        patience: Seconds that it has for an answer.
    """
    with ExitStack() as stack:
        store = stack.enter_context(RunStore.open(folder, write=True))
        store.trials.interrupt()
        plan = store.facts.plan
        dispatcher = Dispatcher(store.trials, InstantPool(answer), store.cells.read)  # type: ignore[arg-type]
        listener = as_listener(None)
        listener.told = lambda *step: told()  # type: ignore[method-assign]
        limits = SearchLimits(max_candidates=candidates, max_trials=trials)
        program = stack.enter_context(AskedProgram(ask, store, patience)) if ask else None
        loop = SearchLoop(store, plan, dispatcher, limits, listener, stopped=lambda: False, program=program)
        store.facts.ended = loop.run()
        assert store.facts.ended in ("finished", "exhausted")
