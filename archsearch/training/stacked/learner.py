"""Trains trials side by side in one stack, a lane for each; and which trials share a stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from archsearch.compiler.stacked.shape import lanes, padded
from archsearch.training.learner import Failure
from archsearch.training.stacked.model import StackedModel
from archsearch.training.stacked.windows import CAPACITY
from archsearch.training.windows import Batch


def stacks(trials: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return the stacks of trials, as positions: trials of one padded width and one step, as many as a stack has lanes.

    Args:
        trials: The width of each and the training steps that it has completed.
    """
    together: dict[tuple[int, int], list[int]] = {}
    for position, (width, steps) in enumerate(trials):
        together.setdefault((padded(width), steps), []).append(position)
    return [
        positions[first : first + lanes(width)]
        for (width, _), positions in sorted(together.items())
        for first in range(0, len(positions), lanes(width))
    ]


class StackedLearner:
    """See `learner.Learner`.

    Args:
        stack: The model with the initial weights of all lanes.

    Attributes:
        stack: The model.
        frozen: Lanes that have ended.
    """

    stretch = CAPACITY

    def __init__(self, stack: StackedModel) -> None:
        self.stack = stack
        self.frozen: set[int] = set()

    @property
    def steps(self) -> int:
        """Completed training steps."""
        return self.stack.steps

    def train(self, batches: Sequence[Batch], rates: Sequence[float | None]) -> dict[int, Failure]:
        """Take one step per window; see `Learner`."""
        for lane, rate in enumerate(rates):
            if rate is None and lane not in self.frozen:
                self.stack.freeze(lane)
                self.frozen.add(lane)
        return self.stack.train(batches, [rate or 0.0 for rate in rates])

    def evaluate(self, batches: Sequence[Batch]) -> list[tuple[int, float]]:
        """Return right answers and NLL of each lane; see `Learner`."""
        return self.stack.evaluate(batches)

    def keep(self, lanes: Sequence[int]) -> None:
        """Remember the weights of some lanes."""
        self.stack.keep(lanes)

    def restore(self) -> None:
        """Take back the weights that each lane remembered last."""
        self.stack.restore()

    def model_weights(self, lane: int) -> dict[str, Tensor]:
        """Return a lane's weights, in the shapes of the torch model; see `Learner`."""
        return {name: view.clone().contiguous() for name, view in self.stack.named(lane).items()}

    def snapshot(self, lane: int) -> dict[str, Tensor]:
        """Return all that decides the steps to come of a lane; shapes as `resume` takes them."""
        return {name: tensor.cpu() for name, tensor in self.stack.memory(lane).items()}

    def resume(self, snapshots: Sequence[Mapping[str, Tensor]], steps: int) -> None:
        """Go on from snapshots with the shapes that `snapshot` gives."""
        self.stack.resume(snapshots, steps)

    def close(self) -> None:
        """Let go of what was captured."""
        self.stack.close()
