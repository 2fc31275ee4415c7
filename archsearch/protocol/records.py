"""The records that travel between search, workers and store; each is a frozen struct that msgspec encodes."""

import hashlib
from typing import Literal, get_args

import msgspec
from msgspec import UNSET, UnsetType

from archsearch.mutations import Applied
from archsearch.protocol.settings import Setting
from archsearch.tasks.task import Measure

VERSION = 1
"""Of the protocol; part of every trial, so a change of how cells are measured shares no score with the past."""

BASELINE = "gru"
"""The library cell that every ratio is against."""


Subject = tuple[str, str, Setting]
"""A cell's id, a task with its difficulty, and a setting."""


class Trial(msgspec.Struct, frozen=True):
    """One training run, complete: the same trial gives the same score on the same engine and machine.

    Attributes:
        cell: The cell's id.
        task: The task with its difficulty, as `tasks.load` takes it.
        setting: The hyper-parameters.
        seed: Makes the training data.
        init_draw: Makes the initial weights, together with all of the above; 0 but for clones of the GRU.
        measure: What the score is: top-1 accuracy, a negative log-likelihood in nats, or the squared error.
        steps: Training steps.
        epoch_steps: A validation after every so many steps, and at the end.
        batch: Parallel streams.
        unroll: Time steps per window.
        validation: Windows of the validation set.
        schedule: "constant", or "halving" (docs/measuring.md, "Schedule").
        stop_at: The trial ends at the first validation with at least this accuracy.
        data: SHA-256 of the task's data.
        engine: What executes the cell, with its version.
        machine: Instruction set or device, and torch's version.
        protocol: Version of the protocol.
        x_width: Width of x where it has one of its own; absent, and no part of the key, where it is as wide as the layer.
    """

    cell: str
    task: str
    setting: Setting
    seed: int
    init_draw: int
    measure: Measure
    steps: int
    epoch_steps: int
    batch: int
    unroll: int
    validation: int
    data: str
    engine: str
    machine: str
    schedule: Literal["constant", "halving"] = "constant"
    stop_at: float | None = None
    protocol: int = VERSION
    x_width: int | UnsetType = UNSET

    @property
    def own_width(self) -> int:
        """The width that x has of its own; 0 where it is as wide as the layer."""
        return 0 if self.x_width is UNSET else self.x_width

    @property
    def key(self) -> str:
        """SHA-256 of the whole record, 64 hex digits."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()

    @property
    def subject(self) -> Subject:
        """What is blamed for the workers that died of it."""
        return self.cell, self.task, self.setting


Status = Literal["done", "diverged", "oom", "timeout", "crashed", "error"]
ENDED: tuple[Status, ...] = get_args(Status)
"""How a trial can have ended."""

HOST_STATUSES: tuple[Status, ...] = ("oom", "timeout", "crashed", "error")
"""Facts of the host, not of the cell: such a trial counts as not evaluated."""


class Validation(msgspec.Struct, frozen=True, array_like=True):
    """One point of a curve.

    Attributes:
        step: Training steps so far.
        accuracy: Top-1 accuracy on the validation set.
        nll: The loss there: NLL in nats, or the squared error of real targets.
    """

    step: int
    accuracy: float
    nll: float


class ReadOut(msgspec.Struct, frozen=True, array_like=True):
    """How well a trained cell does on sequences of one length.

    Attributes:
        length: Their steps.
        accuracy: Top-1 accuracy there.
    """

    length: int
    accuracy: float


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a trial ended.

    Attributes:
        status: "done", "diverged", or what the host did to it.
        score: The best validation by the trial's measure; None unless done.
        accuracy: Top-1 accuracy at that validation.
        nll: The loss at that validation: NLL in nats, or the squared error of real targets.
        test_accuracy: Accuracy on the test set at that step; read by reports and re-tests only.
        test_nll: The loss on the test set at that step.
        best_step: When that validation was.
        steps: Training steps taken.
        units: The width n.
        parameters: The parameter count.
        curve: All validations.
        reason: Why it is not done.
        seconds: Wall-clock time; never part of a comparison.
        read_outs: Of a task with lengths of its own, at that step; read by reports only. Absent elsewhere.
    """

    status: Status
    score: float | None = None
    accuracy: float | None = None
    nll: float | None = None
    test_accuracy: float | None = None
    test_nll: float | None = None
    best_step: int = 0
    steps: int = 0
    units: int = 0
    parameters: int = 0
    curve: tuple[Validation, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    read_outs: tuple[ReadOut, ...] = ()

    @property
    def by_host(self) -> bool:
        """Whether the host ended it, so that it says nothing about the cell."""
        return self.status in HOST_STATUSES


StepKind = Literal["start", "reexamine", "propose", "nothing", "placebo"]

Proposer = Literal["", "inbox", "program"]
"""Who has brought the cell of a step: the search itself, somebody by way of the run's inbox, or the program that it asks."""

PLACEBO = "placebo-"
"""With the number of its step, the id under which the history knows a clone that stands in a candidate's place."""


class Stage(msgspec.Struct, frozen=True, array_like=True):
    """What a step assigns on one task.

    Attributes:
        task: What people call the task.
        settings: The settings.
        sources: Where each came from (`published`; empty under `paired`).
    """

    task: str
    settings: tuple[Setting, ...]
    sources: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one step of a search tries, fixed when it is asked.

    Attributes:
        number: 0, 1, 2 …
        kind: A start cell, a re-examination, a proposal, nothing new, or a clone of the GRU in a candidate's place.
        cell: The cell's id; empty for nothing new.
        parent: Whose child it is.
        applied: The mutations that made it.
        filter: Which of the filter's settings it is tried on; None if it skips the filter.
        stages: What it is trained on, in the order of the tasks.
        gated: Whether a stage must be passed before the next.
        known: Draws that gave a known cell.
        invalid: Draws that gave no valid child.
        raced: Whether its trials pause at the rungs of their tasks.
        init_draw: Of its trials; 0 but for clones.
        proposer: Who has brought the cell, if that was not the search.
        alike: How many of the known draws gave a cell that is new but for its outputs.
    """

    number: int
    kind: StepKind
    cell: str = ""
    parent: str = ""
    applied: tuple[Applied, ...] = ()
    filter: Setting | None = None
    stages: tuple[Stage, ...] = ()
    gated: bool = False
    known: int = 0
    invalid: int = 0
    raced: bool = False
    init_draw: int = 0
    proposer: Proposer = ""
    alike: int = 0

    @property
    def candidate(self) -> str:
        """The id under which the history knows what it tries: the cell's, or a name of its own for a clone."""
        return f"{PLACEBO}{self.number}" if self.kind == "placebo" else self.cell


Fate = Literal["evaluated", "failed filter", "stopped at gate", "diverged", "not evaluated", "nothing new"]


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a step ended.

    Attributes:
        fate: In a word.
        reached: How many stages were trained.
        task: Where it ended, if it did not pass all stages.
        reason: More about it, for people.
    """

    fate: Fate
    reached: int = 0
    task: str = ""
    reason: str = ""


class Try(msgspec.Struct, frozen=True, array_like=True):
    """One scored or diverged trial of a cell on a task, as ratios need it.

    Attributes:
        score: Its score; None if it diverged.
        units: The width.
        steps: Training steps that it was given.
    """

    score: float | None
    units: int
    steps: int = 0
