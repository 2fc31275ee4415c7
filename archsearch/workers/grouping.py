"""Which queued trials become one job: one, or as many as may share a stack."""

from __future__ import annotations

from heapq import heapify, heappop

from archsearch.compiler.engine_names import trains_stacks
from archsearch.compiler.stacked.shape import MOST
from archsearch.protocol.records import Trial
from archsearch.protocol.stacks import alike
from archsearch.workers.queue import QueuedTrial


def together(queue: list[QueuedTrial]) -> list[tuple[int, Trial]]:
    """Take the first trial out of a heap, with all that may share its stack, in the heap's order: numbers and trials."""
    _, number, first = heappop(queue)
    if not trains_stacks(first.engine):
        return [(number, first)]
    shared = alike(first)
    others = sorted(entry for entry in queue if alike(entry[2]) == shared)[: MOST - 1]
    taken = {entry[1] for entry in others}
    queue[:] = [entry for entry in queue if entry[1] not in taken]
    heapify(queue)
    return [(number, first), *((entry[1], entry[2]) for entry in others)]
