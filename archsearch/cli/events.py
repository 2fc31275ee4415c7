"""The events of a search as lines of JSON, for what watches machines: `evolve --events FILE.jsonl`.

A line is appended as soon as something has happened. The file never decides anything: if it fails, that is said once, and
the search goes on without it.
"""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from archsearch.actions.evolve import SearchResult
from archsearch.actions.listener import Listener, Progress, RunInfo
from archsearch.errors import InputError
from archsearch.protocol.hearing import Hearing
from archsearch.protocol.history import Candidate
from archsearch.protocol.records import Step, Verdict


class EventLog:
    """A listener that writes down what it hears, and lets another one hear the same.

    It is a context manager: the last line of a search says how it has ended, also by an error.

    Args:
        listener: Hears the same first.
        path: The file; None writes nothing.

    Attributes:
        listener, path: The same; the path is None, too, once the file has failed.
        phase: The phase that was written last.
        heard: What the referee had said when it was written last: verdict and number of pairs.
    """

    def __init__(self, listener: Listener, path: Path | None) -> None:
        if path is not None and not path.parent.is_dir():
            raise InputError(f"--events {path}: no folder {path.parent}; make it first")
        self.listener, self.path = listener, path
        self.phase = ""
        self.heard = ("", 0)

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._write("failed", error=str(error) or type(error).__name__)

    def opened(self, info: RunInfo) -> None:
        """Pass it on, and write which run is searched in, by whom, and until when."""
        self.listener.opened(info)
        self._write(
            "opened",
            run=info.folder.name,
            folder=str(info.folder.resolve()),
            host=socket.gethostname(),
            process=os.getpid(),
            preset=info.plan.preset_name,
            strategy=info.plan.strategy,
            seed=info.plan.seed,
            new=info.new,
            steps=info.told,
            candidates=info.candidates,
            max_candidates=info.limits.max_candidates,
            max_seconds=info.limits.max_seconds,
        )

    def progressed(self, progress: Progress) -> None:
        """Pass it on, and write what is new: a phase, lost workers, a pair before the referee."""
        self.listener.progressed(progress)
        if progress.phase != self.phase:
            self.phase = progress.phase
            self._write("phase", phase=progress.phase, trials=progress.total, seconds=progress.elapsed)
        for lost in progress.lost:
            self._write("worker lost", **lost._asdict())
        if progress.hearing is not None:
            self._hear(progress.hearing)

    def _hear(self, hearing: Hearing) -> None:
        heard = (hearing.ruling.value, hearing.count)
        if heard != self.heard:
            self.heard = heard
            self._write("verdict", a=hearing.claim.a, b=hearing.claim.b, verdict=heard[0], pairs=heard[1])

    def told(self, step: Step, verdict: Verdict, candidate: Candidate | None) -> None:
        """Pass it on, and write how a step has ended.

        Args:
            step: What it tried.
            verdict: How it ended.
            candidate: What is known of its cell now.
        """
        self.listener.told(step, verdict, candidate)
        scored = candidate is not None and candidate.judgement is not None
        self._write(
            "step",
            step=step.number,
            kind=step.kind,
            cell=step.candidate,
            fate=verdict.fate,
            task=verdict.task,
            fitness=candidate.fitness if candidate is not None and scored else None,
        )

    def said(self, text: str) -> None:
        """Pass a line for people on, and write it."""
        self.listener.said(text)
        self._write("said", text=text)

    def ended(self, result: SearchResult) -> None:
        """Write how the search has ended."""
        self._write("ended", ending=result.ending, waited=result.waited, host_failures=result.host_failures)

    def _write(self, event: str, **more: Any) -> None:
        """Append a line; a file that fails is named once."""
        if self.path is None:
            return
        line = {"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", "event": event, **more}
        try:
            with self.path.open("ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
        except OSError as error:
            path, self.path = self.path, None
            self.listener.said(f"--events {path} failed, and the search goes on without it: {error.strerror}")
