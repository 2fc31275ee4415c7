"""What `evolve` shows while it runs: a live view on a terminal, one plain line per step elsewhere. All on stderr."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType

import click
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from archsearch.cli.cell_argument import SHORT
from archsearch.cli.common import console, plain
from archsearch.engine.evolve import Progress
from archsearch.engine.session import Opened
from archsearch.protocol.book import Book, Candidate
from archsearch.protocol.records import Step, Verdict

EVERY = 10.0
"""Seconds between plain lines about the references."""


class Display:
    """Shows a session of a run; see `session.Host`."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.console = console(error=True)
        self.live = Live(console=self.console, refresh_per_second=4, transient=True) if _is_live() else None
        self.run: Opened | None = None
        self.phase = ""
        self.spoke = 0.0

    def __enter__(self) -> Display:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.live:
            self.live.stop()

    def said(self, text: str) -> None:
        """Print a line."""
        self.console.print(plain(text))

    def opened(self, opened: Opened) -> None:
        """Print the run's first lines."""
        self.run, plan = opened, opened.plan
        state = "new" if opened.new else "going on"
        self.said(
            f"archsearch · run {opened.folder} ({state}) · preset {plan.preset_name} · {plan.strategy} · seed {plan.seed} · "
            f"{self.workers} worker{'s' if self.workers > 1 else ''} · engine {plan.engine} ({plan.machine})"
        )
        if plan.engine.startswith("reference"):
            self.said("no C++ compiler, or no CPU: the interpreter runs the cells, several times slower than compiled code")
        self.said(
            "tasks  "
            + "  ".join(course.facts.name for course in plan.courses)
            + (f"     ({opened.note})" if opened.note else "")
        )
        if not opened.new:
            more = f"; {opened.queued} interrupted trials go back to the queue" if opened.queued else ""
            self.said(f"resumed at step {opened.told}: {opened.candidates} candidates, {opened.trials} trials{more}")
        if self.live and not opened.finished:
            self.live.start()

    def progressed(self, progress: Progress) -> None:
        """Bring the live view up to date; elsewhere say now and then how far the references are."""
        if self.live:
            self.live.update(self._view(progress))
        elif progress.phase != "searching" and (progress.phase != self.phase or time.monotonic() - self.spoke > EVERY):
            self.said(f"{progress.phase}: {progress.done} of {progress.total} trials, {progress.elapsed:.0f} s")
            self.spoke = time.monotonic()
        self.phase = progress.phase

    def told(self, step: Step, verdict: Verdict, candidate: Candidate | None) -> None:
        """Print a line about a step."""
        scored = candidate is not None and candidate.judgement is not None and verdict.fate == "evaluated"
        if self.live and not scored:
            return
        what = {"start": "start", "reexamine": "again", "propose": "new", "nothing": "nothing new"}[step.kind]
        words: str = verdict.fate if verdict.fate != "evaluated" else ""
        words += f" at {verdict.task}" if verdict.task else ""
        words += f": {verdict.reason.splitlines()[-1]}" if verdict.reason else ""
        if scored:
            assert candidate is not None
            words = f"fitness {candidate.fitness:.3f}"
        made = f"  ({', '.join(one.operator for one in step.applied)})" if step.applied else ""
        self.said(f"step {step.number:>4}  {what:<11} {step.cell[:SHORT]:<9}  {words}{made}")

    def _view(self, progress: Progress) -> Table:
        rows = Table.grid()
        if progress.book is None:
            total, done = float(max(1, progress.total)), float(progress.done)
            text = f"{done} of {progress.total} trials · {progress.elapsed:.0f} s"
        else:
            done, total = self._share(progress)
            text = _counts(progress.book) + self._left(progress)
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            Text(f" {progress.phase}"), ProgressBar(total=total, completed=done, width=30), Text(text, overflow="ellipsis")
        )
        rows.add_row(bar)
        if progress.book is not None:
            rows.add_row(Text(_best(progress.book), overflow="ellipsis", no_wrap=True))
        return rows

    def _share(self, progress: Progress) -> tuple[float, float]:
        assert self.run is not None and progress.book is not None
        limits = self.run.limits
        if limits.max_candidates is not None:
            return len(progress.book.candidates), limits.max_candidates
        return progress.elapsed, limits.max_seconds or progress.elapsed

    def _left(self, progress: Progress) -> str:
        limit = self.run.limits.max_seconds if self.run else None
        return "" if limit is None else f" · {max(0.0, limit - progress.elapsed):.0f} s left"


def _is_live() -> bool:
    return sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def _counts(book: Book) -> str:
    return f"step {book.told} · {len(book.candidates)} candidates · {len(book.ranked)} scored"


def _best(book: Book) -> str:
    if not book.ranked:
        return ""
    best = book.ranked[0]
    fates = " · ".join(f"{count} {fate}" for fate, count in book.fates.items() if fate != "evaluated")
    return f" best {best.fitness:.3f}  {best.id[:SHORT]}    {fates}"


def note(text: str) -> None:
    """Print a line for people on stderr."""
    click.echo(text, err=True)
