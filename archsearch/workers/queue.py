"""The records of the dispatcher: a trial that waits for a worker, one that is being trained, and a worker that was lost."""

from __future__ import annotations

from typing import NamedTuple

from archsearch.protocol.records import Trial


class QueuedTrial(NamedTuple):
    """A trial that waits; the queue is a heap of these, the lowest first.

    Attributes:
        priority: Lower goes first.
        number: In the order of queueing, so that equals stay in it; no two trials have the same.
        trial: The record.
    """

    priority: int
    number: int
    trial: Trial


class RunningTrial(NamedTuple):
    """A trial that a worker was given.

    Attributes:
        number: The one that it had in the queue.
        trial: The record.
        attempt: How often it was given to a worker, this time included.
    """

    number: int
    trial: Trial
    attempt: int


class LostWorker(NamedTuple):
    """A worker that died, or was ended for its memory or its silence; another took its place.

    Attributes:
        worker: Its place in the pool, from 0.
        cause: What ended it, in words.
        again: How many of its trials are tried once more.
        ended: How many have ended with it.
    """

    worker: int
    cause: str
    again: int
    ended: int
