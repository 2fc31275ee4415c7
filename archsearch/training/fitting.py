"""One training that ends in weights: it stops early, and what it has reached lies on the disk, so that a killed one goes on.

The steps, their data and their bits are those of a trial with the same record.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.protocol.records import Outcome, Trial, Validation
from archsearch.training.checkpoint import Checkpoint, CheckpointStorage
from archsearch.training.loop import Alive, TrainingLoop
from archsearch.training.progress import TrialProgress
from archsearch.training.schedule import Schedule, patient
from archsearch.training.windows import Streams

EVERY = 2.0
"""Seconds between two checkpoints, at least; how far a training goes on from has no say in what comes out."""


@dataclass(frozen=True, slots=True)
class Milestone:
    """How far a training has come.

    Attributes:
        step: Training steps so far.
        last: The last validation; None before the first.
        best: The best one.
    """

    step: int
    last: Validation | None
    best: Validation | None


Told = Callable[[Milestone], None]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A training that has ended.

    Attributes:
        trial: Its record.
        outcome: How it ended.
        weights: Those with the best validation, by the names of `training.model.Model`; empty where it diverged, or was only
            to be compared.
    """

    trial: Trial
    outcome: Outcome
    weights: dict[str, Tensor]


class FitProgress(TrialProgress):
    """A trial that also ends when validation has not improved for some epochs.

    Attributes:
        patience: How many; 0 for never.
    """

    def __init__(
        self, trial: Trial, cell: Cell, symbols: int, storage: CheckpointStorage | None, patience: int
    ) -> None:
        """Begin, or go on; arguments as for a trial.

        Args:
            trial: The record.
            cell: The cell that it names.
            symbols: Size of the task's alphabet.
            storage: Where its checkpoint lies.
            patience: Epochs.
        """
        self.patience = patience
        super().__init__(trial, cell, symbols, storage)

    def new_schedule(self) -> Schedule:
        """Return what says the rate of each epoch after the first."""
        schedule = super().new_schedule()
        return patient(schedule, self.patience) if self.patience else schedule


class FittingLoop(TrainingLoop):
    """Trains one lane, and leaves a checkpoint after a validation now and then, and at the end.

    Attributes:
        written: When the last one was, on the clock of `time.monotonic`.
    """

    def __init__(self, lane: TrialProgress, cell: Cell, streams: Streams) -> None:
        """Make the learner, and go on where the trial stopped.

        Args:
            lane: The trial.
            cell: The cell that it names.
            streams: The data of its task.
        """
        super().__init__([lane], cell, streams)
        self.written = time.monotonic()

    def validate(self) -> None:
        """Validate, and leave a checkpoint if the last one is old."""
        super().validate()
        if self.has_ended or time.monotonic() - self.written >= EVERY:
            self.pause()
            self.written = time.monotonic()

    def pause(self) -> None:
        """Leave a checkpoint from which the same trial, or a longer one, goes on."""
        (lane,) = self.lanes
        if lane.storage is not None and not lane.failure and lane.curve:
            trial = msgspec.structs.replace(lane.trial, steps=lane.steps)
            lane.pause(Checkpoint(trial, tuple(lane.curve), self.learner.snapshot(0)))

    def fitted(self, alive: Alive, compared: bool) -> Fitted:
        """Train to the end, and return the best weights with their figures on the test set; neither if it is compared."""
        (lane,) = self.lanes
        try:
            self.train(alive)
            self.pause()
            (figures,) = [None] if compared else self.tested()
            weights = {} if figures is None else self.learner.model_weights(0)
        finally:
            self.learner.close()
        outcome = lane.outcome(time.perf_counter() - self.started, figures)
        return Fitted(lane.trial, outcome, {name: weight.cpu() for name, weight in weights.items()})


def fitted(
    trial: Trial,
    cell: Cell,
    streams: Streams,
    *,
    patience: int = 0,
    storage: CheckpointStorage | None = None,
    told: Told = lambda reached: None,
    compared: bool = False,
) -> Fitted:
    """Return a trained model's weights and figures; a training that was stopped goes on and ends with the same bits.

    Args:
        trial: The record.
        cell: The cell that it names.
        streams: The data of the task that it names, on the device that computes.
        patience: Epochs without a better validation after which it ends; 0 for never.
        storage: Where its checkpoint lies; None keeps nothing.
        told: Told now and then how far it is.
        compared: Whether its validation alone is wanted: then the test set is not read, and no weights are given.
    """
    lane = FitProgress(trial, cell, streams.task.symbols, storage, patience)

    def alive(step: int) -> None:
        told(Milestone(step, lane.curve[-1] if lane.curve else None, lane.best))

    with torch.random.fork_rng(devices=[]):  # dropout draws from torch's own generator, which is put back
        return FittingLoop(lane, cell, streams).fitted(alive, compared)
