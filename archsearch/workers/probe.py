"""Finds out what tasks say of themselves, in workers, so that a task that hangs or crashes harms nothing."""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.errors import InputError
from archsearch.protocol.plan import TaskFacts
from archsearch.workers.messages import Facts, Failed, Hello, Probe
from archsearch.workers.pool import Death, Event, WorkerPool

PATIENCE = 60.0
"""Seconds that a task has for its first windows."""


def probe(pool: WorkerPool, names: Sequence[str]) -> tuple[dict[str, TaskFacts], Hello]:
    """Return the facts of tasks by name, and what the workers said of machine and engine.

    Args:
        pool: The workers, idle.
        names: The tasks, as `tasks.load` takes them.

    Raises:
        InputError: A task is unknown, its data is missing or foreign, or it gives no window in time.
    """
    waiting, facts = list(dict.fromkeys(names)), dict[str, TaskFacts]()
    while len(facts) < len(set(names)) or not any(worker.hello for worker in pool.workers):
        for worker in pool.idle:
            if waiting:
                pool.give(worker, Probe(waiting.pop(0)))
        for event in pool.events(0.2):
            facts |= _answer(event)
        _check_patience(pool)
    hello = next(worker.hello for worker in pool.workers if worker.hello)
    return facts, hello


def _answer(event: Event) -> dict[str, TaskFacts]:
    """Return the facts that an event brings, by the task's name; a death or a failure ends all."""
    if isinstance(event, Death):
        if isinstance(event.worker.job, Probe):
            raise InputError(f"{event.worker.job.task}: the process that opened it died ({event.cause})")
        return {}
    worker, message = event
    if isinstance(message, Failed):
        raise message.error
    if not isinstance(message, Facts):
        return {}
    assert isinstance(worker.job, Probe)
    task, worker.job = worker.job.task, None
    return {task: message.facts}


def _check_patience(pool: WorkerPool) -> None:
    for worker in pool.workers:
        if isinstance(worker.job, Probe) and worker.silent > PATIENCE:
            words = f"no window within {PATIENCE:.0f} s; a task yields one window after the other"
            raise InputError(f"{worker.job.task}: {words}")
