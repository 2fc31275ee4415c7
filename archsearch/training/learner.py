"""What trains: the interface between the loop of one or more trials and the engine that takes their steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from archsearch.training.windows import Batch


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a lane learns no more.

    Attributes:
        step: The training step that failed.
        reason: Which figure is not finite there.
    """

    step: int
    reason: str


class Learner(Protocol):
    """Models side by side, a lane each, with their optimisers and the states that they carry from window to window."""

    @property
    def steps(self) -> int:
        """Completed training steps."""

    @property
    def stretch(self) -> int:
        """How many steps a call had best take; the bits do not depend on it."""

    def train(self, batches: Sequence[Batch], rates: Sequence[float | None]) -> dict[int, Failure]:
        """Take one step per window in every lane, each going on where the last one ended.

        Args:
            batches: The windows, the same for all lanes.
            rates: The learning rate of each lane; None where it has ended and learns no more.

        Returns:
            The lanes that failed, with the weights that they had before that step.
        """

    def evaluate(self, batches: Sequence[Batch]) -> list[tuple[int, float]]:
        """Return for each lane how many answers are right and the summed loss: NLL in nats, or squared error.

        The state is carried over from zero; training's state stays.
        """

    def keep(self, lanes: Sequence[int]) -> None:
        """Remember the weights of some lanes."""

    def restore(self) -> None:
        """Take back the weights that each lane remembered last."""

    def model_weights(self, lane: int) -> dict[str, Tensor]:
        """Return a copy of a lane's weights as they are, named and shaped as in `training.model.Model`."""

    def snapshot(self, lane: int) -> dict[str, Tensor]:
        """Return all that decides the steps to come of a lane, and its remembered weights, in its own shapes."""

    def resume(self, snapshots: Sequence[Mapping[str, Tensor]], steps: int) -> None:
        """Go on where learners of the same records took snapshots, one for each lane, after so many steps.

        The tensors have the shapes of `snapshot`.

        Raises:
            KeyError, RuntimeError, ValueError: A snapshot is another's.
        """

    def close(self) -> None:
        """Let go of what would outlive the learner, if there is anything."""
