"""How far one trial has come: its curve, the rate of its next epoch, how it ended, and so its outcome."""

from __future__ import annotations

import math

import msgspec

from archsearch.cell import Cell
from archsearch.protocol.records import Outcome, ReadOut, Trial, Validation
from archsearch.protocol.seeds import seed_of
from archsearch.protocol.units import model_parameters, units
from archsearch.tasks.task import Measure
from archsearch.training.checkpoint import Checkpoint, CheckpointStorage, packed_checkpoint, stored_checkpoint
from archsearch.training.learner import Failure
from archsearch.training.schedule import SCHEDULES, Schedule


def score_of(point: Validation, measure: Measure) -> float:
    """Return the figure of a validation that a task with this measure is scored by."""
    return point.accuracy if measure == "accuracy" else point.nll


def quality_of(score: float, measure: Measure) -> float:
    """Return what is larger for the better of two scores."""
    return score if measure == "accuracy" else -score


class TrialProgress:
    """A trial under way; what takes its steps is a `Learner`.

    Attributes:
        trial: The record.
        storage: Where its checkpoint lies, and that of a shorter trial of the same record may; None if nowhere.
        width: n of its model.
        parameters: How many its model has.
        seed: Of its initial weights and its dropout.
        checkpoint: Where it goes on; None if it begins.
        schedule: Says the next epoch's rate.
        rate: The next epoch's learning rate; None once the trial has ended.
        steps: Completed training steps.
        curve: Its validations.
        best: The best of them, the earliest of equals.
        failure: Why it diverged; empty if it did not.
    """

    def __init__(
        self, trial: Trial, cell: Cell, symbols: int, storage: CheckpointStorage | None = None
    ) -> None:
        """Begin, or go on where a shorter trial paused, if it left what that takes.

        Args:
            trial: The record.
            cell: The cell that it names.
            symbols: Size of the alphabet of the task that it names.
            storage: Where there may be a checkpoint.
        """
        setting = trial.setting
        self.trial, self.storage = trial, storage
        x_width = trial.own_width
        self.width = units(cell, symbols, setting.layers, setting.budget, x_width)
        self.parameters = model_parameters(cell, self.width, symbols, setting.layers, x_width)
        words = str(tuple(setting.as_dict().values()))
        decides = ("init", trial.cell, trial.task, words, trial.seed, trial.init_draw)
        self.seed = seed_of(*decides)
        self.failure = ""
        self.begin(None if storage is None else stored_checkpoint(storage, trial))

    def begin(self, checkpoint: Checkpoint | None = None) -> None:
        """Begin, or go on where a checkpoint was left."""
        setting = self.trial.setting
        self.checkpoint = checkpoint
        self.schedule = self.new_schedule()
        self.rate: float | None = setting.rate
        self.steps = 0
        self.curve: list[Validation] = []
        self.best: Validation | None = None
        if checkpoint is not None:
            self.steps = checkpoint.trial.steps
            for point in checkpoint.curve:
                self.add(point)

    def new_schedule(self) -> Schedule:
        """Return what says the rate of each epoch after the first."""
        return SCHEDULES[self.trial.schedule](self.trial.setting.rate)

    def add(self, point: Validation) -> bool:
        """Add a point to the curve and set the next epoch's rate; return whether the point is the best so far."""
        self.curve.append(point)
        improved = self.best is None or self.quality(point) > self.quality(self.best)
        if improved:
            self.best = point
        self.rate = self.schedule(improved)
        return improved

    def quality(self, point: Validation) -> float:
        """Return what is larger for the better of two validations."""
        return quality_of(score_of(point, self.trial.measure), self.trial.measure)

    def validate(self, accuracy: float, nll: float) -> bool:
        """Take in a validation of the weights as they are; return whether they are the best so far."""
        if not math.isfinite(nll):
            self.fail(Failure(self.steps + 1, f"validation NLL {nll} at step {self.steps}"))
            return False
        improved = self.add(Validation(self.steps, accuracy, nll))
        if self.trial.stop_at is not None and accuracy >= self.trial.stop_at:
            self.rate = None
        return improved

    def fail(self, failure: Failure) -> None:
        """End the trial: it diverged."""
        self.failure, self.steps, self.rate = failure.reason, failure.step - 1, None

    def pause(self, checkpoint: Checkpoint) -> None:
        """Leave what a longer trial of the same record needs to go on from here, if there is a place for it."""
        if self.storage is not None:
            self.storage.write(packed_checkpoint(checkpoint))

    def outcome(
        self, seconds: float, tested: tuple[float, float] | None, read_outs: tuple[ReadOut, ...] = ()
    ) -> Outcome:
        """Return what the trial came to.

        Args:
            seconds: How long it took.
            tested: Accuracy and NLL on the test set with the best weights; None if the trial reads none.
            read_outs: What they do on longer sequences, where the task has some.
        """
        outcome = Outcome(
            "diverged",
            steps=self.steps,
            units=self.width,
            parameters=self.parameters,
            curve=tuple(self.curve),
            seconds=seconds,
        )
        best = self.best
        if self.failure or best is None:
            return msgspec.structs.replace(outcome, reason=self.failure or "no validation")
        accuracy, nll = tested or (None, None)
        return msgspec.structs.replace(
            outcome,
            status="done",
            score=score_of(best, self.trial.measure),
            accuracy=best.accuracy,
            nll=best.nll,
            best_step=best.step,
            test_accuracy=accuracy,
            test_nll=nll if nll is not None and math.isfinite(nll) else None,
            read_outs=read_outs,
        )
