"""Runs trials side by side in one stack, each on its own course: schedule, validations, best weights, end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.stacked.shape import lanes, padded
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.stacks import alike
from archsearch.training.checkpoint import CheckpointStorage, packed
from archsearch.training.model import Model
from archsearch.training.stacked.model import Lane, StackedModel
from archsearch.training.stacked.windows import CAPACITY
from archsearch.training.trial import Alive, Diverged, Training, throttled
from archsearch.training.windows import Batch, Streams


def run_stacked(
    trials: Sequence[Trial],
    cell: Cell,
    streams: Streams,
    alive: Alive = lambda step: None,
    checkpoints: Sequence[CheckpointStorage] | None = None,
    pauses: bool = False,
) -> list[Outcome]:
    """Return the outcomes of trials that may share a stack, in their order; each is a pure function of its own record.

    Args:
        trials: Records that are `alike`; those of unequal padded widths, or too many, make several stacks.
        cell: The cell that they name.
        streams: The data of the task that they name, on the device that computes.
        alive: Told the step every few seconds, as a sign of life.
        checkpoints: Where shorter trials of the same records may have left checkpoints; the bits do not depend on them.
        pauses: Whether to leave some there.
    """
    assert len({alike(trial) for trial in trials}) == 1, "these trials share no stack"
    found: dict[int, Outcome] = {}
    places: Sequence[CheckpointStorage | None] = (
        checkpoints if checkpoints is not None else [None] * len(trials)
    )
    for members in _stacks(
        [Member(trial, cell, streams, storage) for trial, storage in zip(trials, places, strict=True)]
    ):
        course = _Course([member for _, member in members], cell, streams)
        outcomes = course.outcomes(throttled(alive), pauses)
        found |= {position: outcome for (position, _), outcome in zip(members, outcomes, strict=True)}
    return [found[position] for position in range(len(trials))]


class Member:
    """A trial's lane, as the learner of its course; the stack itself takes the steps.

    Attributes:
        training: The course: curve, best validation, outcome.
        steps: Completed training steps.
        rate: The learning rate of the epoch at hand, None once the course has ended.
        failure: Why it diverged, if it did.
        improved: Whether its weights are to be remembered.
        figures: Accuracy and NLL of the last evaluation.
        memory: What its lane has in memory: of the stack, or of a checkpoint before there is one.
    """

    stretch = CAPACITY

    def __init__(
        self, trial: Trial, cell: Cell, streams: Streams, storage: CheckpointStorage | None = None
    ) -> None:
        self.storage = storage
        self.failure: str | None = None
        self.steps, self.improved, self.figures = 0, False, (0.0, 0.0)
        self.memory: dict[str, Tensor] = {}
        self.training = Training(trial, cell, streams, self)
        self.training.take_up(storage)
        self.rate = self.training.rate

    @property
    def lane(self) -> Lane:
        """What is its own in the stack."""
        setting = self.training.trial.setting
        return Lane(self.training.n, setting.clip, setting.dropout, self.training.seed)

    def train(self, batches: Sequence[Batch], rate: float) -> str | None:
        """Do nothing: the stack trains all lanes at once."""
        raise NotImplementedError("a lane does not train alone")

    def evaluate(self, batches: Sequence[Batch]) -> tuple[float, float]:
        """Return what the stack found on these windows."""
        return self.figures

    def keep(self) -> None:
        """Have the weights remembered."""
        self.improved = True

    def restore(self) -> None:
        """Do nothing: the stack takes all lanes back at once."""

    def snapshot(self) -> dict[str, Tensor]:
        """Return all that decides the steps to come; see `Learner`."""
        return {name: tensor.cpu() for name, tensor in self.memory.items()}

    def resume(self, snapshot: dict[str, Tensor], steps: int) -> None:
        """Go on from a snapshot, in a stack of lanes that all do from this step; see `Learner`."""
        self.memory, self.steps = snapshot, steps

    def pause(self) -> None:
        """Leave a checkpoint."""
        if self.storage is not None and self.failure is None:
            self.storage.write(packed(self.training.checkpoint()))

    def goes_on(self) -> bool:
        """Add a validation to the curve; set the next epoch's rate, if there is to be one."""
        try:
            self.training.validate()
        except Diverged as error:
            self.failure, self.rate = str(error), None
            return False
        stop_at = self.training.trial.stop_at
        reached = stop_at is not None and self.training.curve[-1].accuracy >= stop_at
        self.rate = None if reached else self.training.rate
        return self.rate is not None


def _stacks(members: Sequence[Member]) -> Iterator[list[tuple[int, Member]]]:
    """Yield members of one padded width and one step with their positions, as many as a stack has lanes."""
    alike_now: dict[tuple[int, int], list[tuple[int, Member]]] = {}
    for position, member in enumerate(members):
        alike_now.setdefault((padded(member.training.n), member.steps), []).append((position, member))
    for (width, _), of in sorted(alike_now.items()):
        yield from (of[first : first + lanes(width)] for first in range(0, len(of), lanes(width)))


class _Course:
    """The course of one stack."""

    def __init__(self, members: Sequence[Member], cell: Cell, streams: Streams) -> None:
        self.started = time.perf_counter()
        self.members, self.streams, self.trial = members, streams, members[0].training.trial
        trial, symbols = self.trial, streams.task.symbols
        self.stack = StackedModel(
            cell,
            symbols,
            [member.lane for member in members],
            trial.setting.layers,
            trial.batch,
            trial.setting.optimiser == "adamw",
            device=streams.device,
        )
        for lane, member in enumerate(members):
            training = member.training
            generator = torch.Generator().manual_seed(training.seed)
            model = Model(cell, symbols, training.n, training.trial.setting, generator)
            self.stack.load(lane, dict(model.named_parameters()))
        if members[0].steps:
            self.stack.go_on(members[0].steps, [member.memory for member in members])
        for lane, member in enumerate(members):
            member.memory = self.stack.memory(lane)

    def outcomes(self, alive: Alive, pauses: bool) -> list[Outcome]:
        """Train to the end and return how each trial ended; what was captured is let go."""
        try:
            self.train(alive)
            if pauses:
                for member in self.members:
                    member.pause()
            self.stack.restore()
            if self.trial.stop_at is None:
                self.evaluate("test")
        finally:
            self.stack.close()
        share = (time.perf_counter() - self.started) / len(self.members)
        return [member.training.outcome(member.failure, share) for member in self.members]

    @property
    def going_on(self) -> list[Member]:
        """The members whose courses have not ended."""
        return [member for member in self.members if member.rate is not None]

    def train(self, alive: Alive) -> None:
        """Train epoch after epoch, until all courses or the data have ended."""
        trial = self.trial
        data = self.streams.take("train", trial.seed, trial.batch, trial.unroll, trial.steps)
        windows = islice(data, self.stack.steps, None)
        while self.going_on and self.stack.steps < trial.steps:
            epoch = min(trial.epoch_steps, trial.steps - self.stack.steps)
            batches = list(islice(windows, epoch))
            if not batches:
                return
            for start in range(0, len(batches), CAPACITY):
                self.advance(batches[start : start + CAPACITY])
                alive(self.stack.steps)
            self.validate()

    def advance(self, batches: Sequence[Batch]) -> None:
        """Take a step per window with the lanes that go on."""
        lost = self.stack.train(batches, [member.rate or 0.0 for member in self.members])
        for lane, member in enumerate(self.members):
            if lane in lost:
                member.failure, member.rate = lost[lane].reason, None
                member.steps = lost[lane].step - 1
            elif member.rate is not None:
                member.steps = self.stack.steps

    def validate(self) -> None:
        """Validate the lanes that go on; remember the best weights, and freeze the lanes that have ended."""
        self.evaluate("valid")
        for lane, member in enumerate(self.members):
            if member.rate is not None and not member.goes_on():
                self.stack.freeze(lane)
        self.stack.keep([lane for lane, member in enumerate(self.members) if member.improved])
        for member in self.members:
            member.improved = False

    def evaluate(self, split: str) -> None:
        """Give every member its figures on the fixed set of a split."""
        trial = self.trial
        batches = list(self.streams.take(split, 0, trial.batch, trial.unroll, trial.validation))
        count = sum(len(batch.targets) for batch in batches)
        for member, (right, nll) in zip(self.members, self.stack.evaluate(batches), strict=True):
            member.figures = right / count, nll / count
