"""What driver and workers say to each other: frozen records, msgspec-encoded, over one pipe per worker."""

from __future__ import annotations

import msgspec

from archsearch.errors import ArchsearchError, InputError, NoSpace, WorkerError
from archsearch.protocol.plan import TaskFacts
from archsearch.protocol.records import Outcome, Trial
from archsearch.tasks import TaskSource

MAX_BYTES = 64 * 1024 * 1024
"""A longer message is a broken worker."""


class Sources(msgspec.Struct, frozen=True, tag=True):
    """Says where the users' own tasks lie, before anything is asked; no other file of theirs is opened or run.

    Attributes:
        of: By the tasks' names.
    """

    of: dict[str, TaskSource]


class Title(msgspec.Struct, frozen=True, tag=True):
    """Says what the worker's process is called from now on.

    Attributes:
        text: As ps and top show it.
    """

    text: str


class Probe(msgspec.Struct, frozen=True, tag=True):
    """Asks for the facts of a task, and how many positions a validation of it scores.

    Attributes:
        task: As `tasks.load` takes it.
        batch: Parallel streams of the validation.
        unroll: Time steps per window.
        validation: Windows of the validation; 0 leaves it out.
    """

    task: str
    batch: int = 0
    unroll: int = 0
    validation: int = 0


class Job(msgspec.Struct, frozen=True, tag=True):
    """Trials of one cell on one task, to be trained in this order.

    Attributes:
        number: The driver's.
        cell: The cell's text.
        trials: The records.
        checkpoints: The folder where paused trials lie; empty if none is wanted.
        pauses: Whether longer trials may go on from these.
    """

    number: int
    cell: str
    trials: tuple[Trial, ...]
    checkpoints: str = ""
    pauses: bool = False


class Hello(msgspec.Struct, frozen=True, tag=True):
    """A worker is ready.

    Attributes:
        machine: Instruction set or device, and torch's version.
        engine: The engine that it trains with, with its version.
        engines: All engines that work there, with their versions.
        trouble: Why the native engine does not work where it should; empty if it does.
    """

    machine: str
    engine: str
    engines: tuple[str, ...] = ()
    trouble: str = ""


class Facts(msgspec.Struct, frozen=True, tag=True):
    """The answer to a probe.

    Attributes:
        facts: What the task says of itself.
        scored: How many positions a validation scores; 0 where that was not asked.
    """

    facts: TaskFacts
    scored: int = 0


class Alive(msgspec.Struct, frozen=True, tag=True):
    """A sign of life from a job; the first one, at step 0, says that it was begun."""

    number: int
    step: int


class Result(msgspec.Struct, frozen=True, tag=True):
    """How one trial of a job ended.

    Attributes:
        number: The job's.
        index: The trial's place in the job.
        outcome: How it ended.
        spent: What its parts took, in seconds; of trials that trained together an equal share.
    """

    number: int
    index: int
    outcome: Outcome
    spent: dict[str, float] = {}


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A worker could not start, or a task is none.

    Attributes:
        text: Why.
        exit_code: That of the error.
    """

    text: str
    exit_code: int

    @property
    def error(self) -> ArchsearchError:
        """The error that the driver raises for it."""
        kinds = {kind.exit_code: kind for kind in (InputError, NoSpace)}
        return kinds.get(self.exit_code, WorkerError)(self.text)


ToWorker = Sources | Title | Probe | Job
ToDriver = Hello | Facts | Alive | Result | Failed

encode = msgspec.msgpack.Encoder().encode
decode_for_worker = msgspec.msgpack.Decoder(ToWorker).decode
decode_for_driver = msgspec.msgpack.Decoder(ToDriver).decode
