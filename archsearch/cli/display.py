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
from archsearch.actions.board_words import cell_name, fates, origin, ratio_text, title
from archsearch.actions.listener import Progress, RunInfo
from archsearch.actions.verdict_words import scores
from archsearch.cache_folder import cache_trouble
from archsearch.cli.printing import console
from archsearch.compiler.engine_names import INTERPRETER, find_engine
from archsearch.protocol.history import Candidate, History
from archsearch.protocol.records import Step, Verdict
from archsearch.store import RunStore, read_leaderboard
from archsearch.words import plain
from archsearch.workers.devices import cpu_cores

EVERY = 10.0
"""Seconds between plain lines about the references."""

MARGIN = 6
"""Columns that the live view leaves free: a ^C that the terminal prints there must not begin a new line."""

KINDS = {
    "start": "start",
    "propose": "new",
    "reexamine": "again",
    "nothing": "nothing new",
    "placebo": "clone",
}
"""What people call the kinds of steps."""


class Display:
    """Shows a search; see `actions.listener.Listener`.

    Args:
        devices: One device per worker.

    Attributes:
        devices: The same.
        console: Where it prints.
        live: The live view; None where there is no terminal that can show one.
        run: The run, once it is opened.
        phase: What was going on at the last progress.
        began: When the search began, on the monotonic clock.
        spoke: When it printed a line about the references last, on the same clock.
        references_shown: Whether it has said how the references did.
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

    def opened(self, info: RunInfo) -> None:
        """Print the run's first lines."""
        self.run, plan = info, info.plan
        self.said(
            f"archsearch {__version__} · run {info.folder} ({'new' if info.new else 'going on'}) · "
            f"preset {plan.preset_name} · {plan.strategy} · seed {plan.seed} · {info.cluster or self._workers()} · "
            f"engine {plan.engine} ({plan.machine})"
        )
        if trouble := cache_trouble():
            self.said(trouble)
        if find_engine(plan.engine) is INTERPRETER:
            why = info.trouble.strip() or "ARCHSEARCH_ENGINE or the run asks for it"
            self.said(f"{why}: the interpreter runs the cells, several times slower than compiled code")
        names = "  ".join(task.described for task in plan.tasks)
        self.said(f"tasks  {names}" + (f"     ({info.note})" if info.note else ""))
        if not info.new:
            more = f"; {info.queued} interrupted trials go back to the queue" if info.queued else ""
            self.said(
                f"resumed at step {info.told}: {info.candidates} candidates, {info.trials} trials{more}"
            )
        self.references_shown = info.told > 0 or info.finished
        if self.live and not info.finished:
            self.live.start()

    def _workers(self) -> str:
        many, kinds = len(self.devices), dict.fromkeys(self.devices)
        where = f"{cpu_cores()} CPU core{'s' * (cpu_cores() > 1)}" if "cpu" in kinds else ", ".join(kinds)
        return f"{many} worker{'s' * (many > 1)} on {where}"

    def _references(self, info: RunInfo) -> None:
        """Print once how the references did, when the first step is told."""
        self.references_shown = True
        with RunStore.open(info.folder) as store:
            board = read_leaderboard(store, info.folder.name)
        others = len(info.plan.preset.search.references) - 1
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
            self.said(f"{progress.phase}: {_trials(progress)}, {progress.elapsed:.0f} s")
            self.spoke = time.monotonic()
        self.phase = progress.phase

    def told(self, step: Step, verdict: Verdict, candidate: Candidate | None) -> None:
        """Print a line about a step; on a terminal only if it scored a new cell.

        Args:
            step: What it tried.
            verdict: How it ended.
            candidate: What is known of its cell now.
        """
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
            text = f"{_trials(progress)} · {progress.elapsed:.0f} s"
        else:
            done, total = self._share(progress)
            text = _counts(progress.history) + self._left(progress)
        width = min(40, max(4, room - len(progress.phase) - len(text)))
        bar.add_row(
            plain(f" {progress.phase}"),
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
            return progress.history.counts.candidates, limits.max_candidates
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
    """Return one line about a told step: what it tried, how it ended, and what made the cell.

    Args:
        step: What it tried.
        verdict: How it ended.
        candidate: What is known of its cell now.
    """
    if verdict.fate == "evaluated" and candidate is not None and candidate.judgement is not None:
        ratios = " · ".join(
            f"{title(task)} {ratio_text(result.ratio, 2)}"
            for task, result in candidate.judgement.tasks.items()
        )
        words = f"fitness {ratio_text(candidate.fitness, 3)} ({ratios})"
    else:
        reason = verdict.reason.strip().splitlines()[-1:]
        words = " ".join([verdict.fate, *([f"({title(verdict.task)})"] if verdict.task else [])])
        words += f": {reason[0]}" if reason else ""
    made = f"   {origin(step)}" if step.applied or step.proposer else ""
    if step.kind == "nothing":
        return f"step {step.number:>4}  {words}"
    return f"step {step.number:>4}  {KINDS[step.kind]:<5}  {cell_name(step.cell):<9}  {words}{made}"


def _trials(progress: Progress) -> str:
    """Return how many trials of a phase have ended; of a verdict those of the next pair, and what the others say."""
    trials = f"{progress.done} of {progress.total} trials"
    if progress.hearing is None:
        return trials
    known = progress.hearing
    return f"{known.names[0]} against {known.names[1]}, pair {known.count + 1}, {trials} ({scores(known)})"


def _is_live() -> bool:
    return sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def _counts(history: History) -> str:
    counts = history.counts
    return f"step {counts.told} · {counts.candidates} candidates · {counts.scored} scored"


def _cut(text: str, width: int) -> Text:
    cut = Text(plain(text), no_wrap=True)
    cut.truncate(width, overflow="ellipsis")
    return cut


def _best(history: History) -> list[str]:
    """Return a line about the best cell that was found, and one about those that were not scored."""
    lines = []
    best = history.best_found
    if best is not None:
        lines.append(f"best found {ratio_text(best.fitness, 3)}  {cell_name(best.id)}  ({origin(best)})")
    failed = {fate: count for fate, count in history.fates.items() if fate != "evaluated"}
    return lines + ([fates(failed, history.known, history.alike)] if failed or history.known else [])
