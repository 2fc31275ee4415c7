"""Watches how much memory workers hold, before the system ends one of its own choice."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from archsearch.workers.pool import Worker

EVERY = 1.0
"""Seconds between two looks."""

ALL_WORKERS = 0.9
"""The share of the memory that all workers may hold together."""

LEAST = 2 * 2**30
"""Bytes that a worker may hold in any case: torch alone takes some hundred MiB, much of which workers share."""

LARGE = 0.5
"""The share of what a worker may hold from which a fresh one takes its place after the job."""

LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux says how much memory a container has."""


def memory() -> int:
    """Return how many bytes of memory there are, in this container where it has a limit."""
    found = [psutil.virtual_memory().total]
    for path in LIMITS:
        with contextlib.suppress(OSError, ValueError):  # no container, or "max"
            found.append(int(path.read_text()))
    return int(min(found))


class MemoryWatch:
    """Looks at the workers now and then.

    Args:
        workers: How many there are.

    Attributes:
        most: Bytes that one may hold.
        looked: When it looked last, on the monotonic clock.
    """

    def __init__(self, workers: int) -> None:
        self.most = max(LEAST, ALL_WORKERS * memory() / max(1, workers))
        self.looked = time.monotonic()

    def excesses(self, workers: Iterable[Worker]) -> Iterator[tuple[Worker, str]]:
        """Yield the workers whose job takes too much, with the words for it, and note which are large."""
        if time.monotonic() - self.looked < EVERY:
            return
        self.looked = time.monotonic()
        for worker in list(workers):
            held = resident(worker.process.pid)
            worker.is_large = held > LARGE * self.most
            if worker.begun and worker.job is not None and held > self.most:
                yield (
                    worker,
                    f"a worker held {held / 2**30:.2f} GiB, more than its share of {self.most / 2**30:.2f} GiB",
                )


def resident(process: int | None) -> int:
    """Return how many bytes a process holds in memory, 0 for one that is gone."""
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(process).memory_info().rss) if process else 0
    return 0
