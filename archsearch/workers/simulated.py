"""Takes the place of the worker processes where trials are answered from a file: at once, and in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, cast

from archsearch.cell import Cell
from archsearch.protocol.recorded import RecordedTrials
from archsearch.workers.messages import Hello, Job, Result
from archsearch.workers.pool import Event, Worker, WorkerPool


class SimulatedPool(WorkerPool):
    """One worker that trains nothing.

    Args:
        answer: Says how trials end.
        hello: What it says of machine and engine.

    Attributes:
        answer: The same.
        workers: The one.
        said: Results that nobody has heard yet.
        parsed: Returns the cell of a text; those of late are remembered.
    """

    def __init__(self, answer: RecordedTrials, hello: Hello) -> None:
        super().__init__(["cpu"], None)
        self.answer = answer
        self.workers = [Worker(0, SimpleNamespace(pid=os.getpid()), cast(Any, None), hello)]
        self.said: list[Event] = []
        self.parsed = lru_cache(1_000)(Cell.parse)

    def __enter__(self) -> SimulatedPool:
        return self

    def give(self, worker: Worker, job: Any) -> None:
        """Answer all trials of a job."""
        assert isinstance(job, Job)
        worker.job, cell = job, self.parsed(job.cell)
        for index, trial in enumerate(job.trials):
            self.said.append((worker, Result(job.number, index, self.answer(trial, cell))))

    def events(self, timeout: float) -> Iterator[Event]:
        """Yield the results that nobody has heard yet."""
        said, self.said = self.said, []
        yield from said

    def stop(self) -> None:
        """Leave: there is no process to end."""
        self.workers = []
        self.selector.close()
