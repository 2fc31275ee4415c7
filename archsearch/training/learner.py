"""What trains: the interface between a trial's course and the engine that takes its steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from archsearch.training.windows import Batch


class Learner(Protocol):
    """A model with its optimiser and the state that it carries from window to window."""

    @property
    def steps(self) -> int:
        """Completed training steps."""

    @property
    def stretch(self) -> int:
        """How many steps a call had best take; the bits do not depend on it."""

    def train(self, batches: Sequence[Batch], rate: float) -> str | None:
        """Take one step per window, each going on where the last one ended.

        Args:
            batches: The windows.
            rate: The learning rate.

        Returns:
            None, or why the step after the last completed one failed.
        """

    def evaluate(self, batches: Sequence[Batch]) -> tuple[float, float]:
        """Return accuracy and NLL over windows, the state carried over from zero; training's state stays."""

    def keep(self) -> None:
        """Remember the weights."""

    def restore(self) -> None:
        """Take back the weights that were remembered last."""

    def snapshot(self) -> dict[str, Tensor]:
        """Return all that decides the steps to come, and the remembered weights."""

    def resume(self, snapshot: dict[str, Tensor], steps: int) -> None:
        """Go on where a learner of the same record took a snapshot, after so many steps.

        Raises:
            KeyError, RuntimeError, ValueError: The snapshot is another's.
        """
