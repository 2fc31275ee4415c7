"""What a search asks of a program outside that proposes cells; how the two talk is none of the search's business."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol


class Reception(NamedTuple):
    """What a step does with a cell from outside.

    Attributes:
        answer: "new", it is tried; "known" to the run; or "refused".
        id: The id of the cell that it is in this run; empty for what is no cell.
        reason: Why it is refused.
    """

    answer: Literal["new", "known", "refused"]
    id: str = ""
    reason: str = ""


class Thinking(Exception):
    """The program has not answered yet; the same step is to be asked again."""


class OutsideProgram(Protocol):
    """A program that answers one question at a time; what it has answered for a step it is not asked again."""

    def proposal(self, step: int, seen: int, draw: int) -> str | None:
        """Return the text of a cell that it has answered for a step; None if it passes.

        Args:
            step: The step's number.
            seen: How many steps, from the first, that step sees.
            draw: How many answers for it came before.

        Raises:
            Thinking: It has not answered yet.
        """

    def receive(self, step: int, draw: int, reception: Reception) -> None:
        """Tell it what became of an answer, once, however often this is called.

        Args:
            step: The step's number.
            draw: Which of the answers for it, from 0.
            reception: What became of it.
        """
