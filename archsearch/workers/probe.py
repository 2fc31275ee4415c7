"""Finds out what tasks say of themselves, in workers, so that a task that hangs or crashes harms nothing."""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.errors import InputError, WorkerError
from archsearch.protocol.plan import TaskFacts
from archsearch.workers.messages import Facts, Failed, Hello, Probe
from archsearch.workers.pool import Death, WorkerPool

PATIENCE = 60.0
"""Seconds that a task has for its first windows."""


def probe(crew: WorkerPool, names: Sequence[str]) -> tuple[dict[str, TaskFacts], Hello]:
    """Return the facts of tasks by name, and what the workers said of machine and engine.

    Raises:
        InputError: A task is unknown, its data is missing or foreign, or it gives no window in time.
    """
    waiting, facts = list(dict.fromkeys(names)), dict[str, TaskFacts]()
    while len(facts) < len(set(names)) or not any(worker.hello for worker in crew.workers):
        for worker in crew.idle:
            if waiting:
                crew.give(worker, Probe(waiting.pop(0)))
        for event in crew.events(0.2):
            if isinstance(event, Death):
                if isinstance(event.worker.job, Probe):
                    raise InputError(
                        f"{event.worker.job.task}: the process that opened it died ({event.cause})"
                    )
                continue
            worker, message = event
            if isinstance(message, Facts):
                assert isinstance(worker.job, Probe)
                facts[worker.job.task], worker.job = message.facts, None
            elif isinstance(message, Failed):
                raise (InputError if message.exit_code == InputError.exit_code else WorkerError)(message.text)
        for worker in crew.workers:
            if isinstance(worker.job, Probe) and worker.silent > PATIENCE:
                raise InputError(
                    f"{worker.job.task}: no window within {PATIENCE:.0f} s; a task yields one window after the other"
                )
    hello = next(worker.hello for worker in crew.workers if worker.hello)
    return facts, hello
