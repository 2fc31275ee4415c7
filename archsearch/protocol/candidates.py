"""A file of candidates: the plan of a run, then all of its cells with their trials, a line of JSON each.

Other programs read it, and it answers in the place of training (`protocol.recorded`). Settings are by name. Test scores are
not in it: what learns from such a file may propose cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from archsearch.cell import Cell
from archsearch.errors import CellError, InputError
from archsearch.protocol.checks import plan_faults
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Outcome, Status, Trial, Validation
from archsearch.protocol.settings import Setting

FORMAT = "archsearch candidates"

VERSION = 1
"""Of the file's fields."""

MOST_BYTES = 2**31
"""Of a file that is read."""


class Header(msgspec.Struct, frozen=True):
    """The first line.

    Attributes:
        format: What the file is.
        version: Of its fields.
        run: The run's name.
        plan: Its plan: tasks with floors and ceilings, the grid of settings, the rule.
    """

    format: str
    version: int
    run: str
    plan: RunPlan


class TrialLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One trial of a cell; its fields are those of `Trial` and `Outcome`.

    Attributes:
        task: The task with its difficulty.
        setting: The hyper-parameters by name.
        asked: Training steps that it was given.
        status: How it ended.
        score, accuracy, nll: At the best validation.
        seed, init_draw: Of its data and weights.
        stop_at: The accuracy at which it ends; of trials on the filter.
        best_step, steps: When that validation was, and training steps taken.
        units, parameters: Of the model.
        reason: Why it is not done.
        seconds: That it took.
        curve: All validations, each the step, the accuracy and the negative log-likelihood.
    """

    task: str
    setting: dict[str, Any]
    asked: int
    status: Status
    score: float | None = None
    accuracy: float | None = None
    nll: float | None = None
    seed: int = 0
    init_draw: int = 0
    stop_at: float | None = None
    best_step: int = 0
    steps: int = 0
    units: int = 0
    parameters: int = 0
    reason: str = ""
    seconds: float = 0.0
    curve: tuple[Validation, ...] = ()

    @classmethod
    def of(cls, trial: Trial, outcome: Outcome) -> TrialLine:
        """Return the line of a trial, without its test scores."""
        both = {name: getattr(trial, name) for name in ("task", "seed", "init_draw", "stop_at")}
        both |= {name: getattr(outcome, name) for name in OF_OUTCOME}
        return cls(setting=trial.setting.as_dict(), asked=trial.steps, **both)

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        return Outcome(**{name: getattr(self, name) for name in OF_OUTCOME})

    def read_setting(self) -> Setting:
        """Return the setting.

        Raises:
            msgspec.ValidationError: It is none.
        """
        values = [self.setting.get(name) for name in Setting.__struct_fields__]
        return msgspec.convert(values, Setting)


OF_OUTCOME = (
    "status",
    "score",
    "accuracy",
    "nll",
    "best_step",
    "steps",
    "units",
    "parameters",
    "reason",
    "seconds",
    "curve",
)
"""What is told of an outcome."""


class CandidateLine(msgspec.Struct, frozen=True):
    """One cell of a run.

    Attributes:
        id: The cell's id.
        text: Its text.
        reference: The name of a reference; empty for others.
        step: The step that brought it first; None for a reference that is no candidate.
        parent: Whose child it is; empty for others.
        mutations: The operators that made it.
        proposer: Who has brought it, if that was not the search.
        fate: How its last proposal ended.
        fitness: The worst task's ratio; None if it has none.
        estimate: What that is believed to be.
        ratios: The ratio on each task.
        trials: Its trials.
    """

    id: str
    text: str
    reference: str
    step: int | None
    parent: str
    mutations: tuple[str, ...]
    proposer: str
    fate: str
    fitness: float | None
    estimate: float | None
    ratios: dict[str, float]
    trials: tuple[TrialLine, ...]


@dataclass(frozen=True)
class CandidatesFile:
    """What such a file holds.

    Attributes:
        header: Its first line.
        lines: The cells.
        cells: The same as graphs, by id.
        checksum: SHA-256 of the file.
    """

    header: Header
    lines: tuple[CandidateLine, ...]
    cells: Mapping[str, Cell]
    checksum: str


def to_lines(header: Header, candidates: Iterable[CandidateLine]) -> Iterator[bytes]:
    """Yield the lines of a file, each with its end."""
    for each in (header, *candidates):
        yield msgspec.json.encode(each) + b"\n"


def read_candidates(path: Path) -> CandidatesFile:
    """Return what a file of candidates holds.

    Raises:
        InputError: It cannot be read, or is no such file; the message names the line.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: more than {MOST_BYTES:,} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    first, *rest = content.split(b"\n")
    header = _decoded(path, 1, first, Header)
    if header.format != FORMAT or header.version != VERSION:
        raise InputError(
            f"{path}: {header.format!r} of version {header.version}; this reads {FORMAT!r} of version {VERSION}"
        )
    for fault in plan_faults(header.plan):
        raise InputError(f"{path}:1: the plan makes no search ({fault})")
    numbered = [(number, line) for number, line in enumerate(rest, 2) if line.strip()]
    lines = [(number, _decoded(path, number, line, CandidateLine)) for number, line in numbered]
    cells = {line.id: _cell(path, number, line) for number, line in lines}
    return CandidatesFile(header, tuple(line for _, line in lines), cells, sha256(content).hexdigest())


def _decoded(path: Path, number: int, line: bytes, type_: Any) -> Any:
    try:
        return msgspec.json.decode(line, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        made = "'archsearch runs export RUN -o FILE.jsonl' writes such files"
        raise InputError(f"{path}:{number}: {error}; {made}") from None


def _cell(path: Path, number: int, line: CandidateLine) -> Cell:
    try:
        cell = Cell.parse(line.text, f"{path}:{number}: text")
        for trial in line.trials:
            trial.read_setting()
    except (CellError, msgspec.ValidationError) as error:
        raise InputError(f"{path}:{number}: {error}") from None
    if cell.id != line.id:
        raise InputError(f"{path}:{number}: its text is another cell than {line.id[:40]!r}")
    return cell
