"""The loop that trains: one trial, or several side by side, from their records to their outcomes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice
from math import ceil

import torch

from archsearch.cell import Cell
from archsearch.errors import TaskError
from archsearch.protocol.records import Outcome, ReadOut, Trial
from archsearch.protocol.seeds import decides_data
from archsearch.tasks.lengths import READ_OUTS, LengthTask
from archsearch.training.checkpoint import Checkpoint, CheckpointStorage
from archsearch.training.progress import TrialProgress
from archsearch.training.setup import groups, new_learner
from archsearch.training.stopwatch import Stopwatch
from archsearch.training.windows import Batch, Streams

Alive = Callable[[int], None]
"""Called with the training step now and then, as a sign of life."""

READ = 2
"""Times as many sequences as there are streams are read at each length."""

PULSE = 5.0
"""Seconds between two signs of life, at least."""


def run_trials(
    trials: Sequence[Trial],
    cell: Cell,
    streams: Streams,
    alive: Alive = lambda step: None,
    checkpoints: Sequence[CheckpointStorage] | None = None,
    pauses: bool = False,
    *,
    stopwatch: Stopwatch | None = None,
) -> list[Outcome]:
    """Return the outcomes of trials, in their order; each is a pure function of its own record on one engine and machine.

    Args:
        trials: Records of one cell, task and engine; where the engine trains stacks, they are `protocol.stacks.alike`.
        cell: The cell that they name.
        streams: The data of the task that they name, on the device that computes.
        alive: Told the training step every few seconds, as a sign of life.
        checkpoints: Where shorter trials of the same records may have left checkpoints; the bits do not depend on them.
        pauses: Whether to leave some there.
        stopwatch: Told what the parts of the trials take; None: nobody is told.

    Raises:
        InputError: There is no such engine.
    """
    symbols = streams.task.symbols
    storages: Sequence[CheckpointStorage | None] = checkpoints or [None] * len(trials)
    lanes = [
        TrialProgress(trial, cell, symbols, storage) for trial, storage in zip(trials, storages, strict=True)
    ]
    outcomes: dict[int, Outcome] = {}
    for positions in groups(lanes, cell, streams):
        with torch.random.fork_rng(
            devices=[]
        ):  # dropout may draw from torch's own generator, which is put back
            loop = TrainingLoop([lanes[position] for position in positions], cell, streams, stopwatch)
            outcomes |= zip(positions, loop.outcomes(throttled(alive), pauses), strict=True)
    return [outcomes[position] for position in range(len(trials))]


def run_trial(
    trial: Trial,
    cell: Cell,
    streams: Streams,
    alive: Alive = lambda step: None,
    checkpoint: CheckpointStorage | None = None,
    pauses: bool = False,
) -> Outcome:
    """Return the outcome of one trial.

    Args:
        trial: The record.
        cell: The cell that it names.
        streams: The data of the task that it names, on the device that computes.
        alive: Told the training step every few seconds, as a sign of life.
        checkpoint: Where a shorter trial of the same record may have left a checkpoint; the bits do not depend on it.
        pauses: Whether to leave one there.
    """
    checkpoints = None if checkpoint is None else [checkpoint]
    return run_trials([trial], cell, streams, alive=alive, checkpoints=checkpoints, pauses=pauses)[0]


def throttled(alive: Alive) -> Alive:
    """Return `alive` as a call that may be made at every step."""
    told = time.monotonic()

    def now_and_then(step: int) -> None:
        nonlocal told
        if time.monotonic() - told >= PULSE:
            told = time.monotonic()
            alive(step)

    return now_and_then


class TrainingLoop:
    """Trains the lanes of one learner, epoch after epoch, until all have ended.

    Attributes:
        started: When it began, on the clock of `time.perf_counter`.
        lanes: The trials, one for each lane of the learner; all at the same step.
        trial: The record of the first one, for what all have in common.
        streams: The data.
        learner: What takes the steps.
        stopwatch: Told what each part takes.
    """

    def __init__(
        self,
        lanes: Sequence[TrialProgress],
        cell: Cell,
        streams: Streams,
        stopwatch: Stopwatch | None = None,
    ) -> None:
        """Make the learner, and go on where the trials paused.

        Args:
            lanes: The trials, of one of the `groups`.
            cell: The cell that they name.
            streams: The data of the task that they name.
            stopwatch: Told what each part takes; None: nobody is told.
        """
        self.started, self.stopwatch = time.perf_counter(), stopwatch or Stopwatch()
        self.lanes, self.trial, self.streams = lanes, lanes[0].trial, streams
        with self.stopwatch.of("compile"):
            self.learner = new_learner(lanes, cell, streams)
        checkpoints = [lane.checkpoint for lane in lanes if lane.checkpoint is not None]
        if checkpoints and not self._resume(checkpoints):
            for lane in lanes:
                lane.begin()
            self.learner = new_learner(lanes, cell, streams)

    def _resume(self, checkpoints: Sequence[Checkpoint]) -> bool:
        """Return whether the learner could go on from these; it has nothing of its own after."""
        try:
            self.learner.resume(
                [checkpoint.tensors for checkpoint in checkpoints], checkpoints[0].trial.steps
            )
        except (KeyError, RuntimeError, ValueError):  # tensors of another shape
            return False
        return True

    def outcomes(self, alive: Alive, pauses: bool) -> list[Outcome]:
        """Train to the end and return how each trial ended.

        Args:
            alive: Told the training step after every stretch.
            pauses: Whether the trials leave checkpoints.
        """
        try:
            self.train(alive)
            if pauses:
                self.pause()
            tested = self.tested()
            read = self.read_outs(tested)
        finally:
            self.learner.close()
        share = (time.perf_counter() - self.started) / len(self.lanes)
        ended = zip(self.lanes, tested, read, strict=True)
        return [lane.outcome(share, figures, longer) for lane, figures, longer in ended]

    @property
    def rates(self) -> list[float | None]:
        """The learning rate of each lane; None where the trial has ended."""
        return [lane.rate for lane in self.lanes]

    @property
    def has_ended(self) -> bool:
        """Whether all trials have."""
        return not any(rate is not None for rate in self.rates)

    def train(self, alive: Alive) -> None:
        """Train epoch after epoch, until all trials, their budget or the data have ended."""
        trial = self.trial
        data = self.streams.take(
            "train", trial.seed, batch=trial.batch, unroll=trial.unroll, count=trial.steps
        )
        windows = islice(data, self.learner.steps, None)
        while not self.has_ended and self.learner.steps < trial.steps:
            with self.stopwatch.of("data"):
                epoch = list(islice(windows, min(trial.epoch_steps, trial.steps - self.learner.steps)))
            if not epoch:
                return
            with self.stopwatch.of("training"):
                self.train_epoch(epoch, alive)
            self.validate()

    def train_epoch(self, batches: Sequence[Batch], alive: Alive) -> None:
        """Take a step per window with the lanes that have not ended."""
        for start in range(0, len(batches), self.learner.stretch):
            if self.has_ended:
                return
            self.advance(batches[start : start + self.learner.stretch])
            alive(self.learner.steps)

    def advance(self, batches: Sequence[Batch]) -> None:
        """Take a stretch of steps, and note which lanes failed in it."""
        failures = self.learner.train(batches, self.rates)
        for number, lane in enumerate(self.lanes):
            if number in failures:
                lane.fail(failures[number])
            elif lane.rate is not None:
                lane.steps = self.learner.steps

    def validate(self) -> None:
        """Validate the lanes that have not ended, and remember the weights that are the best so far."""
        if self.has_ended:
            return
        improved = [
            number
            for number, (lane, figures) in enumerate(zip(self.lanes, self.evaluate("valid"), strict=True))
            if lane.rate is not None and lane.validate(*figures)
        ]
        if improved:
            self.learner.keep(improved)

    def evaluate(self, split: str, count: int = 0) -> list[tuple[float, float]]:
        """Return accuracy and NLL of every lane on the set of a split: fixed, but for the test of a fresh seed.

        Args:
            split: As `Task.windows` takes it.
            count: How many windows; 0 for as many as a validation has.
        """
        trial = self.trial
        count = count or trial.validation
        seed = trial.seed if decides_data(split, trial.seed) else 0
        windows = self.streams.take(split, seed, batch=trial.batch, unroll=trial.unroll, count=count)
        with self.stopwatch.of("data"):
            batches = list(windows)
        scored = sum(len(batch.targets) for batch in batches)
        if scored == 0:
            raise TaskError(
                f"{trial.task}: the mask of its {split!r} windows scores nothing in {count} windows of "
                f"{trial.batch} x {trial.unroll}; a score needs targets"
            )
        with self.stopwatch.of("validation" if split == "valid" else "test"):
            figures = self.learner.evaluate(batches)
        return [(right / scored, nll / scored) for right, nll in figures]

    def pause(self) -> None:
        """Leave checkpoints of the trials that did not fail."""
        for number, lane in enumerate(self.lanes):
            if not lane.failure and lane.storage is not None:
                lane.pause(Checkpoint(lane.trial, tuple(lane.curve), self.learner.snapshot(number)))

    def tested(self) -> Sequence[tuple[float, float] | None]:
        """Return accuracy and NLL of every lane on the test set, with the best weights; None where trials only filter."""
        if self.trial.stop_at is not None or all(lane.failure or lane.best is None for lane in self.lanes):
            return [None] * len(self.lanes)
        self.learner.restore()
        return self.evaluate("test")

    def read_outs(self, tested: Sequence[object | None]) -> list[tuple[ReadOut, ...]]:
        """Return what every lane does on long sequences, where the task has some, with the weights that were tested."""
        task, unroll = self.streams.task, self.trial.unroll
        if not isinstance(task, LengthTask) or all(figures is None for figures in tested):
            return [()] * len(self.lanes)
        read = [
            [
                ReadOut(length, accuracy)
                for accuracy, _ in self.evaluate(str(length), READ * ceil(length / unroll))
            ]
            for length in READ_OUTS
        ]
        return list(zip(*read, strict=True))
