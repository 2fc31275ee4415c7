"""The driver's side of a run's inbox: a step takes the first cell that it can try, and the file goes once that is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from archsearch.search.outside import receive
from archsearch.search.view import Asked, View
from archsearch.store.inbox import Inbox


class Proposals:
    """Takes cells out of the inbox of a run.

    Args:
        inbox: The inbox.
        said: Told of cells that are not tried.

    Attributes:
        inbox, said: The same.
        taken: The files whose cells were taken, or refused, since `settle` was called last.
    """

    def __init__(self, inbox: Inbox, said: Callable[[str], object]) -> None:
        self.inbox, self.said = inbox, said
        self.taken: list[Path] = []

    def take(self, view: View) -> Asked | None:
        """Return the step that tries the first waiting cell that is new to the run; None if there is none."""
        for file in self.inbox.waiting():
            if file in self.taken:
                continue
            self.taken.append(file)
            text = self.inbox.text(file)
            if text is None:
                self.said(f"{file}: no cell; it was left out")
                continue
            reception, asked = receive(view, text, "inbox")
            if asked is not None:
                return asked
            reason = reception.reason or "the run has tried it meanwhile"
            self.said(f"a proposed cell is not tried: {reason}")
        return None

    def settle(self) -> None:
        """Remove the files that were taken: what came of them is on the disk."""
        for file in self.taken:
            self.inbox.remove(file)
        self.taken.clear()
