"""Trains in native code, many steps per call: float32 on the CPU, without dropout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from archsearch.cell import Cell
from archsearch.protocol.settings import Setting
from archsearch.training.learner import Failure
from archsearch.training.model import Model
from archsearch.training.native.model import NativeModel
from archsearch.training.update import UpdateRule
from archsearch.training.windows import Batch

CALL = 2_000_000
"""Parameters times steps of one call: some hundredths of a second."""


class NativeLearner:
    """See `learner.Learner`; it has one lane.

    Args:
        cell: The cell of every layer.
        model: A model of that cell with the initial weights.
        setting: Optimiser, clip, layers.
        batch: Parallel streams.
        parts: How many bfloat16 numbers stand for a float32 one in matrix products; 0 if it stays as it is.

    Attributes:
        native: The model in compiled code.
        setting: As given.
        stretch: How many steps a call takes.
        kept: The weights that were remembered last.
    """

    def __init__(self, cell: Cell, model: Model, setting: Setting, batch: int, *, parts: int = 0) -> None:
        symbols, width = model.embedding.shape
        self.native = NativeModel(cell, symbols, width=width, layers=setting.layers, batch=batch, parts=parts)
        self.setting = setting
        self.native.load(dict(model.named_parameters()))
        self.stretch = min(64, max(1, CALL // self.native.flat.numel()))
        self.kept = torch.empty(0)

    @property
    def steps(self) -> int:
        """Completed training steps."""
        return self.native.steps

    def train(self, batches: Sequence[Batch], rates: Sequence[float | None]) -> dict[int, Failure]:
        """Take one step per window; see `Learner`."""
        adaptive, rate = self.setting.optimiser == "adamw", rates[0] or 0.0
        _, reason = self.native.train(
            batches, UpdateRule(adaptive=adaptive, rate=rate, clip=self.setting.clip)
        )
        return {} if reason is None else {0: Failure(self.steps + 1, reason)}

    def evaluate(self, batches: Sequence[Batch]) -> list[tuple[int, float]]:
        """Return right answers and NLL; see `Learner`."""
        return [self.native.evaluate(batches)]

    def keep(self, lanes: Sequence[int]) -> None:
        """Remember the weights."""
        self.kept = self.native.flat.clone()

    def restore(self) -> None:
        """Take back the weights that were remembered last."""
        self.native.flat.copy_(self.kept)

    def model_weights(self, lane: int) -> dict[str, torch.Tensor]:
        """Return the model's weights, in its shapes; see `Learner`."""
        return {name: view.clone().contiguous() for name, view in self.native.parameters.items()}

    def snapshot(self, lane: int) -> dict[str, torch.Tensor]:
        """Return all that decides the steps to come; shapes as `resume` takes them."""
        return {**self.native.memory(), "kept": self.kept}

    def resume(self, snapshots: Sequence[Mapping[str, torch.Tensor]], steps: int) -> None:
        """Go on from a snapshot with the shapes that `snapshot` gives."""
        (snapshot,) = snapshots
        for name, tensor in self.native.memory().items():
            tensor.copy_(snapshot[name])
        self.kept = snapshot["kept"]
        self.native.steps = steps

    def close(self) -> None:
        """Do nothing: nothing outlives it."""
