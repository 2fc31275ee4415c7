"""Finds out what tasks say of themselves, in workers, so that a task that hangs or crashes harms nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from archsearch.errors import InputError
from archsearch.protocol.plan import TaskFacts
from archsearch.workers.messages import Facts, Failed, Hello, Probe
from archsearch.workers.pool import Death, Event, WorkerPool

PATIENCE = 60.0
"""Seconds that a task has for its first windows."""


@dataclass(frozen=True)
class Probed:
    """What tasks and workers said of themselves.

    Attributes:
        hello: What the workers said of machine and engine.
        facts: The facts of the tasks by name.
        scored: How many positions a validation of each scores; 0 where that was not asked.
    """

    hello: Hello
    facts: dict[str, TaskFacts] = field(default_factory=dict)
    scored: dict[str, int] = field(default_factory=dict)


def probe(pool: WorkerPool, questions: Sequence[Probe]) -> Probed:
    """Return what tasks say of themselves, and what the workers said of machine and engine.

    Args:
        pool: The workers, idle.
        questions: What is asked; of two about one task the first.

    Raises:
        InputError: A task is unknown, its data is missing or foreign, it gives no window in time, or not the same twice.
    """
    by_task = {question.task: question for question in reversed(questions)}
    waiting, answers = list(by_task.values())[::-1], dict[str, Facts]()
    while len(answers) < len(by_task) or not any(worker.hello for worker in pool.workers):
        for worker in pool.idle:
            if waiting:
                pool.give(worker, waiting.pop(0))
        for event in pool.events(0.2):
            answers |= _answer(event)
        _check_patience(pool)
    return Probed(
        hello=next(worker.hello for worker in pool.workers if worker.hello),
        facts={task: answer.facts for task, answer in answers.items()},
        scored={task: answer.scored for task, answer in answers.items()},
    )


def _answer(event: Event) -> dict[str, Facts]:
    """Return the answer that an event brings, by the task's name; a death or a failure ends all."""
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
    return {task: message}


def _check_patience(pool: WorkerPool) -> None:
    for worker in pool.workers:
        if isinstance(worker.job, Probe) and worker.silent > PATIENCE:
            words = f"no window within {PATIENCE:.0f} s; a task yields one window after the other"
            raise InputError(f"{worker.job.task}: {words}")
