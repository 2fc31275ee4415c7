"""Trains in native code, many steps per call: float32 on the CPU, without dropout."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from archsearch.cell import Cell
from archsearch.protocol.settings import Setting
from archsearch.training.model import Model
from archsearch.training.native.model import NativeModel, Optimiser
from archsearch.training.windows import Batch

CALL = 2_000_000
"""Parameters times steps of one call: some hundredths of a second."""


class NativeLearner:
    """See `learner.Learner`.

    Args:
        cell: The cell of every layer.
        model: A model of that cell with the initial weights.
        setting: Optimiser, clip, layers.
        batch: Parallel streams.
    """

    def __init__(self, cell: Cell, model: Model, setting: Setting, batch: int) -> None:
        symbols, n = model.embedding.shape
        self.native = NativeModel(cell, symbols, n, setting.layers, batch)
        self.setting = setting
        self.native.load(dict(model.named_parameters()))
        self.stretch = min(64, max(1, CALL // self.native.flat.numel()))
        self.kept = torch.empty(0)

    @property
    def steps(self) -> int:
        """Completed training steps."""
        return self.native.steps

    def train(self, batches: Sequence[Batch], rate: float) -> str | None:
        """Take one step per window; see `Learner`."""
        optimiser = Optimiser(self.setting.optimiser == "adamw", rate, self.setting.clip)
        _, failure = self.native.train(batches, optimiser)
        return failure

    def evaluate(self, batches: Sequence[Batch]) -> tuple[float, float]:
        """Return accuracy and NLL; see `Learner`."""
        right, nll = self.native.evaluate(batches)
        count = sum(len(batch.targets) for batch in batches)
        return right / count, nll / count

    def keep(self) -> None:
        """Remember the weights."""
        self.kept = self.native.flat.clone()

    def restore(self) -> None:
        """Take back the weights that were remembered last."""
        self.native.flat.copy_(self.kept)

    def snapshot(self) -> dict[str, torch.Tensor]:
        """Return all that decides the steps to come; see `Learner`."""
        return {**self.native.memory(), "kept": self.kept}

    def resume(self, snapshot: dict[str, torch.Tensor], steps: int) -> None:
        """Go on from a snapshot; see `Learner`."""
        for name, tensor in self.native.memory().items():
            tensor.copy_(snapshot[name])
        self.kept = snapshot["kept"]
        self.native.steps = steps
