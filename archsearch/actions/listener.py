"""What a search says while it runs, and who hears it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from archsearch.protocol.hearing import Hearing
from archsearch.protocol.history import Candidate, History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Step, Verdict
from archsearch.workers.queue import LostWorker


@dataclass(frozen=True)
class SearchLimits:
    """When a run is finished: what is reached first.

    Attributes:
        max_candidates: Candidates told, in all sessions; None for no limit.
        max_seconds: Seconds of search, over all sessions; None for no limit.
        max_trials: Trials of told steps, in all sessions; None for no limit.
    """

    max_candidates: int | None = None
    max_seconds: float | None = None
    max_trials: int | None = None


@dataclass(frozen=True)
class RunInfo:
    """A run that is about to be searched in.

    Attributes:
        folder: Where it lies.
        plan: Its plan.
        new: Whether it was made now.
        told: Steps told so far.
        candidates: Candidates told so far.
        trials: Trials ended so far.
        queued: Interrupted trials that go back to the queue.
        limits: When it is finished.
        finished: Whether it is already.
        note: Something about the choice of tasks, or nothing.
        trouble: Why the native engine does not work here, or nothing.
        cluster: Which workers of a cluster train, in words; empty where this machine does.
    """

    folder: Path
    plan: RunPlan
    new: bool
    told: int
    candidates: int
    trials: int
    queued: int
    limits: SearchLimits
    finished: bool
    note: str
    trouble: str = ""
    cluster: str = ""


@dataclass(frozen=True)
class Progress:
    """Where a search is.

    Attributes:
        phase: "references", "noise", "searching" or "verdict".
        done: Trials done, of the references, of the noise or of the next pair.
        total: Trials in all, of the same.
        history: The told steps; None before and after the search.
        busy: Trials that are being trained.
        elapsed: Seconds of search so far, over all sessions.
        hearing: What the referee knows of the best found cell; None before the verdict.
        lost: The workers that were lost since the last progress.
    """

    phase: str
    done: int
    total: int
    history: History | None
    busy: int
    elapsed: float
    hearing: Hearing | None = None
    lost: tuple[LostWorker, ...] = ()


@dataclass(frozen=True)
class ToldStep:
    """A step that has ended, as all before it have.

    Attributes:
        step: What it tried.
        verdict: How it ended.
        candidate: What is known of its cell now; None for a step that brought none.
    """

    step: Step
    verdict: Verdict
    candidate: Candidate | None


class Listener(Protocol):
    """Hears of a search: first of the run, then of the search, step after step."""

    def opened(self, info: RunInfo) -> None:
        """Called once the run is there and locked."""

    def progressed(self, progress: Progress) -> None:
        """Called several times a second."""

    def told(self, step: Step, verdict: Verdict, candidate: Candidate | None) -> None:
        """Called for every step that is told now.

        Args:
            step: What it tried.
            verdict: How it ended.
            candidate: What is known of its cell now; None for a step that brought none.
        """

    def said(self, text: str) -> None:
        """Called with a line that people should read."""


SearchEvent = RunInfo | Progress | ToldStep | str
"""What a plain function hears of a search; a text is a line that people should read."""

Hears = Callable[[SearchEvent], object]


class EventListener:
    """Turns what a `Listener` hears into calls of one function.

    Args:
        hear: Called with each event.

    Attributes:
        hear: The same.
    """

    def __init__(self, hear: Hears) -> None:
        self.hear = hear

    def opened(self, info: RunInfo) -> None:
        """Pass on that the run is there."""
        self.hear(info)

    def progressed(self, progress: Progress) -> None:
        """Pass on where the search is."""
        self.hear(progress)

    def told(self, step: Step, verdict: Verdict, candidate: Candidate | None) -> None:
        """Pass on that a step has ended: its `step`, its `verdict` and its `candidate`, as one event."""
        self.hear(ToldStep(step, verdict, candidate))

    def said(self, text: str) -> None:
        """Pass on a line."""
        self.hear(text)


def _ignore(event: SearchEvent) -> None:
    pass


def as_listener(listener: Listener | Hears | None) -> Listener:
    """Return who hears of a search: a `Listener` itself, one that calls a function, or for None one that is silent."""
    if listener is None:
        return EventListener(_ignore)
    if callable(listener):
        return EventListener(listener)
    return listener
