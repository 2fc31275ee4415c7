"""A listener that writes a row for each told step of a search into logs of other programs.

A log never decides anything: one that fails says so once, and the search goes on without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from archsearch.actions.listener import Listener, Progress, RunInfo
from archsearch.errors import InputError
from archsearch.protocol.history import Candidate
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Step, Verdict

Row = dict[str, Any]
"""`step`, `kind`, `cell`, `parent`, `mutations`, `fate`, `task`, `fitness`, `estimate`, then the tasks' ratios."""


class StepLog(Protocol):
    """Takes rows."""

    def check(self, plan: RunPlan, told: int) -> None:
        """Called before a run is made, when there is nothing of the log yet; most logs take every run.

        Args:
            plan: The run's plan.
            told: Steps that the run has told.

        Raises:
            InputError: It cannot be the log of this run.
        """

    def begin(self, info: RunInfo) -> str:
        """Called once, before any row; returns what people should know, or nothing.

        Raises:
            InputError: It cannot be the log of this run.
        """

    def write(self, row: Row) -> None:
        """Called with each row."""


class Logged:
    """A listener that writes logs besides.

    Args:
        listener: Hears the same first, and says what goes wrong.
        logs: By what the person called them.

    Attributes:
        listener, logs: The same; a log that failed is gone.
        columns: Of a row, in order.
    """

    def __init__(self, listener: Listener, logs: dict[str, StepLog]) -> None:
        self.listener, self.logs = listener, dict(logs)
        self.columns: list[str] = []

    def check(self, plan: RunPlan) -> None:
        """Refuse a run that is about to be made and of which a log cannot be.

        Raises:
            InputError: Says which log.
        """
        for log in self.logs.values():
            log.check(plan, told=0)

    def opened(self, info: RunInfo) -> None:
        """Pass it on, and begin the logs."""
        self.listener.opened(info)
        self.columns = row_fields(info.plan)
        for name in list(self.logs):
            self._tried(name, lambda log: log.begin(info))

    def progressed(self, progress: Progress) -> None:
        """Pass it on."""
        self.listener.progressed(progress)

    def said(self, text: str) -> None:
        """Pass it on."""
        self.listener.said(text)

    def told(self, step: Step, verdict: Verdict, candidate: Candidate | None) -> None:
        """Pass it on, and write a row.

        Args:
            step: What it tried.
            verdict: How it ended.
            candidate: What is known of its cell now.
        """
        self.listener.told(step, verdict, candidate)
        row: Row = dict.fromkeys(self.columns)
        row |= {
            "step": step.number,
            "kind": step.kind,
            "cell": step.candidate,
            "parent": step.parent,
            "mutations": " ".join(mutation.operator for mutation in step.applied),
            "fate": verdict.fate,
            "task": verdict.task,
        }
        if candidate is not None and candidate.judgement is not None:
            row |= {"fitness": candidate.fitness, "estimate": candidate.estimate}
            row |= {f"ratio/{task}": result.ratio for task, result in candidate.judgement.tasks.items()}
        for name in list(self.logs):
            self._tried(name, lambda log: log.write(row))

    def _tried(self, name: str, what: Callable[[StepLog], str | None]) -> None:
        """Do something with a log; one that fails in any way is named once, and is gone."""
        try:
            if words := what(self.logs[name]):
                self.listener.said(f"--log {name}: {words}")
        except InputError:
            raise
        except Exception as error:  # of a service anything may come
            del self.logs[name]
            self.listener.said(f"--log {name} failed, and the search goes on without it: {error}")


def row_fields(plan: RunPlan) -> list[str]:
    """Return the fields of a run's rows."""
    own = ["step", "kind", "cell", "parent", "mutations", "fate", "task", "fitness", "estimate"]
    return [*own, *(f"ratio/{task.name}" for task in plan.tasks)]
