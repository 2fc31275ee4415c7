"""What `fit` shows while it trains: a bar with loss and time left on a terminal, lines elsewhere. All on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn

from archsearch.cache_folder import cache_trouble
from archsearch.cli.printing import console, note
from archsearch.words import plain

if TYPE_CHECKING:
    from archsearch.actions.fit_course import Advance

EVERY = 10.0
"""Seconds between plain lines, at least, but for those that a training has ended."""


@contextmanager
def fit_progress() -> Iterator[Callable[[Advance], None]]:
    """Yield what is to be told of progress."""
    if trouble := cache_trouble():
        note(trouble)
    out = console(error=True)
    if not out.is_terminal:
        yield _Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"))
    with Progress(*columns, console=out, transient=True) as progress:
        bar, left = progress.add_task("loading", words="", total=None), TimeLeft()

        def told(advance: Advance) -> None:
            words = f"step {advance.step:,} of {advance.steps:,} · {_scores(advance)}{left(advance)}"
            progress.update(
                bar,
                description=plain(advance.doing),
                completed=advance.done,
                total=advance.total,
                words=words,
            )

        yield told


class TimeLeft:
    """Says how long it takes at most, once that can be known: what earlier calls have trained does not count.

    Attributes:
        began: The time and the steps at the first call; None before.
    """

    def __init__(self) -> None:
        self.began: tuple[float, int] | None = None

    def __call__(self, advance: Advance) -> str:
        """Return it as the end of a line; nothing while it is not known."""
        now = time.monotonic()
        if self.began is None:
            self.began = now, advance.done
        seconds, steps = now - self.began[0], advance.done - self.began[1]
        if steps <= 0 or seconds < 1:
            return ""
        left = round(seconds / steps * (advance.total - advance.done))
        return f" · at most {left // 60}:{left % 60:02d} left"


class _Lines:
    """Prints a line for every training that has ended, and now and then one for that under way.

    Attributes:
        left: Says how long it takes.
        spoke: When the last line was, on the clock of `time.monotonic`.
    """

    def __init__(self) -> None:
        self.left, self.spoke = TimeLeft(), time.monotonic()

    def __call__(self, advance: Advance) -> None:
        left = self.left(advance)
        if advance.ended or time.monotonic() - self.spoke >= EVERY:
            self.spoke = time.monotonic()
            note(f"{advance.doing}: step {advance.step:,} of {advance.steps:,} · {_scores(advance)}{left}")


def _scores(advance: Advance) -> str:
    if advance.last is None or advance.best is None:
        return "no validation yet"
    return f"validation {advance.last:.4f}, best {advance.best:.4f}"
