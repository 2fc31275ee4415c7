"""What `evolve` shows while it runs: a live view on a terminal, one plain line per step elsewhere. All on stderr."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from archsearch import __version__
from archsearch.actions.evolve import RunInfo
from archsearch.actions.loop import Progress
from archsearch.cli.board import cell_name, fates, operators, title
from archsearch.cli.common import console, cores
from archsearch.compiler.engine_names import INTERPRETER, find_engine
from archsearch.protocol.history import Candidate, History
from archsearch.protocol.records import Step, Verdict
from archsearch.store import RunStore, read_leaderboard
from archsearch.words import plain

EVERY = 10.0
"""Seconds between plain lines about the references."""

MARGIN = 6
"""Columns that the live view leaves free: a ^C that the terminal prints there must not begin a new line."""

KINDS = {"start": "start", "propose": "new", "reexamine": "again", "nothing": "nothing new"}
"""What people call the kinds of steps."""


class Display:
    """Shows a session of a run; see `session.Host`.

    Args:
        devices: One device per worker.
    """

    def __init__(self, devices: tuple[str, ...]) -> None:
        self.devices = devices
        self.console = console(error=True)
        self.live = Live(console=self.console, refresh_per_second=4, transient=True) if _is_live() else None
        self.run: RunInfo | None = None
        self.phase, self.began, self.spoke = "", time.monotonic(), 0.0
        self.references_shown = False

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.live.stop()

    def said(self, text: str) -> None:
        """Print a line."""
        self.console.print(plain(text))

    # -- the first lines ----------------------------------------------------------------------------------------

    def opened(self, opened: RunInfo) -> None:
        """Print the run's first lines."""
        self.run, plan = opened, opened.plan
        self.said(
            f"archsearch {__version__} · run {opened.folder} ({'new' if opened.new else 'going on'}) · "
            f"preset {plan.preset_name} · {plan.strategy} · seed {plan.seed} · {self._crew()} · "
            f"engine {plan.engine} ({plan.machine})"
        )
        if find_engine(plan.engine) is INTERPRETER:
            self.said(
                "no C++ compiler: the interpreter runs the cells, several times slower than compiled code"
            )
        names = "  ".join(task.full_name for task in plan.tasks)
        self.said(f"tasks  {names}" + (f"     ({opened.note})" if opened.note else ""))
        if not opened.new:
            more = f"; {opened.queued} interrupted trials go back to the queue" if opened.queued else ""
            self.said(
                f"resumed at step {opened.told}: {opened.candidates} candidates, {opened.trials} trials{more}"
            )
        self.references_shown = opened.told > 0 or opened.finished
        if self.live and not opened.finished:
            self.live.start()

    def _crew(self) -> str:
        many, kinds = len(self.devices), dict.fromkeys(self.devices)
        where = f"{cores()} CPU core{'s' * (cores() > 1)}" if "cpu" in kinds else ", ".join(kinds)
        return f"{many} worker{'s' * (many > 1)} on {where}"

    def _references(self, opened: RunInfo) -> None:
        """Print once how the references did, when the first step is told."""
        self.references_shown = True
        store = RunStore.open(opened.folder)
        try:
            board = read_leaderboard(store, opened.folder.name)
        finally:
            store.close()
        others = len(opened.plan.preset.search.references) - 1
        scores = "  ".join(f"{title(task)} {score:.3f}" for task, score in board.baseline.items())
        self.said(
            f"references  gru{f' and {others} more' if others else ''}     gru: {scores}     champion {board.champion}     "
            f"{time.monotonic() - self.began:.0f} s"
        )

    # -- the search ---------------------------------------------------------------------------------------------

    def progressed(self, progress: Progress) -> None:
        """Bring the live view up to date; elsewhere say now and then how far the references are."""
        if self.live:
            self.live.update(self._view(progress))
        elif progress.phase != "searching" and (
            progress.phase != self.phase or time.monotonic() - self.spoke > EVERY
        ):
            self.said(
                f"{progress.phase}: {progress.done} of {progress.total} trials, {progress.elapsed:.0f} s"
            )
            self.spoke = time.monotonic()
        self.phase = progress.phase

    def told(self, step: Step, verdict: Verdict, candidate: Candidate | None) -> None:
        """Print a line about a step; on a terminal only if it scored a new cell."""
        if self.run is not None and not self.references_shown:
            self._references(self.run)
        new = step.kind == "propose" and verdict.fate == "evaluated"
        if not self.live or new:
            self.said(step_line(step, verdict, candidate))

    def _view(self, progress: Progress) -> Table:
        room = self.console.width - MARGIN
        rows, bar = Table.grid(), Table.grid(padding=(0, 1))
        if progress.history is None:
            done, total = float(progress.done), float(max(1, progress.total))
            text = f"{progress.done} of {progress.total} trials · {progress.elapsed:.0f} s"
        else:
            done, total = self._share(progress)
            text = _counts(progress.history) + self._left(progress)
        width = min(40, max(4, room - len(progress.phase) - len(text)))
        bar.add_row(
            f" {progress.phase}",
            ProgressBar(total=total, completed=done, width=width),
            _cut(text, room - len(progress.phase) - width),
        )
        rows.add_row(bar)
        if progress.history is not None:
            for line in _best(progress.history):
                rows.add_row(_cut(f" {line}", room))
        return rows

    def _share(self, progress: Progress) -> tuple[float, float]:
        """Return how much of the run is done, and of how much: candidates or seconds."""
        assert self.run is not None and progress.history is not None
        limits = self.run.limits
        if limits.max_candidates is not None:
            return len(progress.history.candidates), limits.max_candidates
        return progress.elapsed, limits.max_seconds or progress.elapsed

    def _left(self, progress: Progress) -> str:
        limits = self.run.limits if self.run else None
        if limits is None or limits.max_seconds is None:
            return (
                ""
                if limits is None or limits.max_candidates is None
                else f" of {limits.max_candidates} candidates"
            )
        return f" · {max(0.0, limits.max_seconds - progress.elapsed):.0f} s left"


def step_line(step: Step, verdict: Verdict, candidate: Candidate | None) -> str:
    """Return one line about a told step: what it tried, how it ended, and what made the cell."""
    if verdict.fate == "evaluated" and candidate is not None and candidate.judgement is not None:
        ratios = " · ".join(f"{title(task)} {of.ratio:.2f}" for task, of in candidate.judgement.tasks.items())
        words = f"fitness {candidate.fitness:.3f} ({ratios})"
    else:
        reason = verdict.reason.strip().splitlines()[-1:]
        words = " ".join([verdict.fate, *([f"({title(verdict.task)})"] if verdict.task else [])])
        words += f": {reason[0]}" if reason else ""
    made = (
        f"   {cell_name(step.parent)} + {operators(one.operator for one in step.applied)}"
        if step.applied
        else ""
    )
    if step.kind == "nothing":
        return f"step {step.number:>4}  {words}"
    return f"step {step.number:>4}  {KINDS[step.kind]:<5}  {cell_name(step.cell):<9}  {words}{made}"


def _is_live() -> bool:
    return sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def _counts(book: History) -> str:
    return f"step {book.told} · {len(book.candidates)} candidates · {len(book.ranked)} scored"


def _cut(text: str, width: int) -> Text:
    cut = Text(text, no_wrap=True)
    cut.truncate(width, overflow="ellipsis")
    return cut


def _best(book: History) -> list[str]:
    """Return a line about the best cell that was found, and one about those that were not scored."""
    lines = []
    found = next((candidate for candidate in book.ranked if not candidate.is_start), None)
    if found is not None:
        made = operators(one.operator for one in found.applied)
        lines.append(
            f"best found {found.fitness:.3f}  {cell_name(found.id)}  ({cell_name(found.parent)} + {made})"
        )
    failed = {fate: count for fate, count in book.fates.items() if fate != "evaluated"}
    return lines + ([fates(failed, book.known)] if failed or book.known else [])
