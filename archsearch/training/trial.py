"""Runs one trial: trains a cell on a task under one setting, and returns its score, curve and cost."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from itertools import islice

import msgspec
import torch

from archsearch.cell import Cell
from archsearch.compiler.engine_names import NATIVE, trains_stacks
from archsearch.compiler.engines import engine_of
from archsearch.protocol.records import Outcome, Trial, Validation
from archsearch.protocol.seeds import seed_of
from archsearch.protocol.units import model_parameters, units
from archsearch.training.checkpoint import Checkpoint, CheckpointStorage, packed, unpacked
from archsearch.training.learner import Learner
from archsearch.training.model import Model
from archsearch.training.native.learner import NativeLearner
from archsearch.training.schedule import SCHEDULES
from archsearch.training.torch_learner import TorchLearner
from archsearch.training.windows import Batch, Streams

Alive = Callable[[int], None]
"""Called with the training step now and then, as a sign of life."""


PULSE = 5.0
"""Seconds between two signs of life, at least."""


class Diverged(Exception):
    """The loss, the gradient or a validation is not finite."""


def run_trial(
    trial: Trial,
    cell: Cell,
    streams: Streams,
    alive: Alive = lambda step: None,
    checkpoint: CheckpointStorage | None = None,
    pauses: bool = False,
) -> Outcome:
    """Return the outcome of a trial: a pure function of its record on one engine and machine.

    Args:
        trial: The record.
        cell: The cell that the record names.
        streams: The data of the task that the record names, on the device that computes.
        alive: Told the step every few seconds, as a sign of life.
        checkpoint: Where a shorter trial of the same record may have left a checkpoint; the bits do not depend on it.
        pauses: Whether to leave one there.
    """
    started = time.perf_counter()
    with torch.random.fork_rng(
        devices=[]
    ):  # dropout draws from torch's own generator, which is put back afterwards
        training = Training(trial, cell, streams)
        torch.manual_seed(training.seed)
        try:
            training.take_up(checkpoint)
            training.run(throttled(alive))
            if checkpoint is not None and pauses:
                checkpoint.write(packed(training.checkpoint()))
            failure = None
        except Diverged as error:
            failure = str(error)
        return training.outcome(failure, time.perf_counter() - started)


def throttled(alive: Alive) -> Alive:
    """Return `alive` as a call that may be made at every step."""
    told = time.monotonic()

    def now_and_then(step: int) -> None:
        nonlocal told
        if time.monotonic() - told >= PULSE:
            told = time.monotonic()
            alive(step)

    return now_and_then


class Training:
    """A trial's course: what it is trained on and how, its curve, and what comes of it."""

    def __init__(self, trial: Trial, cell: Cell, streams: Streams, learner: Learner | None = None) -> None:
        """Begin a course; without a learner it makes its own."""
        self.trial, self.streams = trial, streams
        setting, task = trial.setting, streams.task
        self.n = units(cell, task.symbols, setting.layers, setting.budget)
        self.parameters = model_parameters(cell, self.n, task.symbols, setting.layers)
        self.schedule = SCHEDULES[trial.schedule](setting.rate)
        self.rate: float | None = setting.rate
        words = str(tuple(setting.as_dict().values()))
        self.seed = seed_of("init", trial.cell, trial.task, words, trial.seed, trial.init_draw)
        self.fresh = lambda: learner or _learner(trial, cell, streams, self.n, self.seed)
        self.learner = self.fresh()
        self.curve: list[Validation] = []
        self.best: Validation | None = None

    @property
    def step(self) -> int:
        """Completed training steps."""
        return self.learner.steps

    def take_up(self, storage: CheckpointStorage | None) -> None:
        """Go on where a shorter trial paused, if it left what that takes."""
        content = storage.read() if storage is not None else None
        found = unpacked(content, self.trial) if content is not None else None
        if found is None:
            return
        try:
            self.learner.resume(found.tensors, found.trial.steps)
        except (KeyError, RuntimeError, ValueError):  # tensors of another shape: begin anew
            self.learner = self.fresh()
            return
        for point in found.curve:
            self.add(point)

    def checkpoint(self) -> Checkpoint:
        """Return what a longer trial needs to go on from here."""
        return Checkpoint(self.trial, tuple(self.curve), self.learner.snapshot())

    def run(self, alive: Alive) -> None:
        """Train to the end of the budget, of the schedule, or to the accuracy that ends the trial."""
        trial = self.trial
        windows = islice(
            self.streams.take("train", trial.seed, trial.batch, trial.unroll, trial.steps), self.step, None
        )
        rate = self.rate
        while rate is not None and self.step < trial.steps:
            epoch = min(trial.epoch_steps, trial.steps - self.step)
            if not self.train(list(islice(windows, epoch)), rate, alive):
                return
            self.validate()
            if trial.stop_at is not None and self.curve[-1].accuracy >= trial.stop_at:
                return
            rate = self.rate

    def train(self, batches: Sequence[Batch], rate: float, alive: Alive) -> bool:
        """Train on the windows of an epoch; return whether there were any."""
        for start in range(0, len(batches), self.learner.stretch):
            failure = self.learner.train(batches[start : start + self.learner.stretch], rate)
            if failure is not None:
                raise Diverged(failure)
            alive(self.step)
        return len(batches) > 0

    def validate(self) -> None:
        """Add a point to the curve, and remember the weights if it is the best so far."""
        accuracy, nll = self.evaluate("valid")
        if not math.isfinite(nll):
            raise Diverged(f"validation NLL {nll} at step {self.step}")
        if self.add(Validation(self.step, accuracy, nll)):
            self.learner.keep()

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
        return point.accuracy if self.trial.measure == "accuracy" else -point.nll

    def evaluate(self, split: str) -> tuple[float, float]:
        """Return accuracy and NLL on the fixed set of a split."""
        trial = self.trial
        return self.learner.evaluate(
            list(self.streams.take(split, 0, trial.batch, trial.unroll, trial.validation))
        )

    def outcome(self, failure: str | None, seconds: float) -> Outcome:
        """Return what the trial came to; a trial that only filters reads no test set."""
        outcome = Outcome(
            "diverged",
            steps=self.step,
            units=self.n,
            parameters=self.parameters,
            curve=tuple(self.curve),
            seconds=seconds,
        )
        best = self.best
        if failure is not None or best is None:
            return msgspec.structs.replace(outcome, reason=failure or "no validation")
        score = best.accuracy if self.trial.measure == "accuracy" else best.nll
        outcome = msgspec.structs.replace(
            outcome, status="done", score=score, accuracy=best.accuracy, nll=best.nll, best_step=best.step
        )
        return outcome if self.trial.stop_at is not None else self.tested(outcome)

    def tested(self, outcome: Outcome) -> Outcome:
        """Add the test set's figures at the best validation, where they are finite."""
        self.learner.restore()
        accuracy, nll = self.evaluate("test")
        return msgspec.structs.replace(
            outcome, test_accuracy=accuracy, test_nll=nll if math.isfinite(nll) else None
        )


def _learner(trial: Trial, cell: Cell, streams: Streams, n: int, seed: int) -> Learner:
    """Return what trains on the engine of the record; all engines start from the same numbers."""
    setting = trial.setting
    if trains_stacks(trial.engine):
        raise ValueError(f"a trial on {trial.engine} trains in a stack: run_trials")
    engine = engine_of(trial.engine).name
    generator = torch.Generator().manual_seed(seed)
    model = Model(cell, streams.task.symbols, n, setting, generator, engine)
    if engine == NATIVE.name and streams.device == "cpu" and not setting.dropout:
        return NativeLearner(cell, model, setting, trial.batch)
    return TorchLearner(model.to(streams.device), setting, trial.batch)
