"""Presets: TOML files that say how a search measures. Everything that decides a score stands in them."""

from __future__ import annotations

import difflib
import re
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from archsearch.errors import PresetError
from archsearch.protocol.checks import faults
from archsearch.protocol.settings import Grid
from archsearch.resources import grammars, read_toml

Rule = Literal["paired", "published"]


class SearchRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long a search looks ahead, what it starts from, and when it ends.

    Attributes:
        tasks: The tasks of a run unless it says otherwise, in the order of the stages.
        look_ahead: W: step k sees the steps up to k - W.
        pool: Size of the pool.
        start: Library cells in the pool from the beginning.
        references: Library cells trained under the same rule before the first proposal; the start cells are among them.
        noise_draws: K: fresh initial weights of the GRU, for the noise statement.
        max_time: Time after which the run is finished, such as "3m"; None for no limit.
        max_candidates: Candidates after which the run is finished; None for no limit.
        reexamine: Probability that a step re-examines a member of the pool.
        regroup: Whether cells that differ in the grouping of sums and products alone count as one (`archsearch.regrouped`).
    """

    tasks: tuple[str, ...]
    look_ahead: int
    pool: int
    start: tuple[str, ...]
    references: tuple[str, ...]
    noise_draws: int = 3
    max_time: str | None = None
    max_candidates: int | None = None
    reexamine: float = 0.5
    regroup: bool = False


class MutationRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much a mutation changes: "per_node" with p ~ U[0,1], or a "count" of 1 to 3."""

    magnitude: Literal["per_node", "count"]


class TrainingRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all trials share."""

    batch: int = 20
    unroll: int = 35
    schedule: Literal["constant", "halving"] = "constant"


class RaceRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a rung stops, where tasks have rungs.

    Attributes:
        trailing: A setting below this share of the best skill that the cell has there under its settings of the same step.
        behind: A setting below this share of the skill that the GRU had there on the same setting.
    """

    trailing: float = 0.7
    behind: float = 0.5


class FilterRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The filter that a candidate passes before anything else is trained (docs/measuring.md, "The search of 2015").

    Attributes:
        task: A memorization difficulty.
        budget: Parameter budget.
        steps: Training steps of one try.
        epoch_steps: Steps between validations.
        validation: Windows of the validation set.
        tries: How many settings a cell may be tried on, one per proposal.
        threshold: Accuracy that passes.
        grid: The filter's own grid.
    """

    task: str
    budget: int
    steps: int
    epoch_steps: int
    validation: int
    tries: int
    grid: Grid
    threshold: float = 0.95


class TaskRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one task is trained and judged.

    Attributes:
        difficulty: The task's difficulty; empty for a user's own task.
        budget: Parameter budget, or several that settings choose from.
        steps: Training steps of a trial.
        epoch_steps: Steps between validations.
        validation: Windows of the validation set.
        k: Settings of a candidate, and of each re-examination.
        G: Settings in all (`paired`).
        gate: Share of the GRU's skill that opens the next stage, or "noise" to take it from the noise trials.
        min_skill: Smallest skill of the GRU at which a ratio means anything.
        rungs: Steps at which a candidate's trials pause and the hopeless stop; validations fall on them.
    """

    difficulty: str = ""
    budget: int | tuple[int, ...]
    steps: int
    epoch_steps: int
    validation: int
    k: int
    G: int
    gate: float | Literal["noise"] = "noise"
    min_skill: float = 0.05
    rungs: tuple[int, ...] = ()

    @property
    def budgets(self) -> tuple[int, ...]:
        """The parameter budgets as a tuple."""
        return self.budget if isinstance(self.budget, tuple) else (self.budget,)


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A preset as its file writes it; `tasks` in the order of the stages, `own` for a user's own tasks."""

    rule: Rule
    search: SearchRules
    mutation: MutationRules
    filter: FilterRules
    grid: Grid
    training: TrainingRules
    tasks: dict[str, TaskRules]
    own: TaskRules
    note: str = ""
    race: RaceRules = RaceRules()


@cache
def preset_names() -> tuple[str, ...]:
    """Return the names of the presets that come with archsearch."""
    return tuple(sorted(path.stem for path in (grammars() / "presets").glob("*.toml")))


def load_preset(name: str) -> tuple[str, Preset]:
    """Return a preset's name and content, by name or from a TOML file.

    Raises:
        PresetError: No such preset, or the file is not one; an unknown key comes with the nearest known one.
    """
    if name in preset_names():
        path = grammars() / "presets" / f"{name}.toml"
    elif name.endswith(".toml"):
        path = Path(name)
    else:
        near = difflib.get_close_matches(name, preset_names(), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise PresetError(f"no preset {name!r} (presets: {', '.join(preset_names())}, or a .toml file{hint})")
    try:
        preset = read_toml(path, Preset)
    except OSError as error:
        raise PresetError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise PresetError(f"{path}: {error}{_nearest(str(error))}") from None
    for fault in faults(preset):
        raise PresetError(f"{path}: {fault}")
    if preset.search.max_time is not None:
        try:
            parse_duration(preset.search.max_time)
        except PresetError as error:
            raise PresetError(f"{path}: search.max_time: {error}") from None
    return path.stem, preset


def _nearest(message: str) -> str:
    """Return a hint at the nearest known key, if the message is about an unknown one."""
    found = re.search(r"unknown field `([^`]*)`", message)
    if not found:
        return ""
    structs = (Preset, SearchRules, MutationRules, TrainingRules, RaceRules, FilterRules, TaskRules, Grid)
    known = sorted({field for struct in structs for field in struct.__struct_fields__})
    near = difflib.get_close_matches(found[1], known, 1)
    return f"; did you mean {near[0]!r}?" if near else f"; known keys: {', '.join(known)}"


def parse_duration(text: str) -> float:
    """Return the seconds of a text such as 90s, 30m, 2h or 1h30m; a number needs its unit.

    Raises:
        PresetError: The text is none.
    """
    number = r"(\d+(?:\.\d+)?)"
    match = re.fullmatch(f"(?:{number}d)?(?:{number}h)?(?:{number}m)?(?:{number}s)?", text.strip())
    seconds = (
        sum(
            float(part) * unit
            for part, unit in zip(match.groups(), (86400, 3600, 60, 1), strict=True)
            if part
        )
        if match
        else 0
    )
    if not seconds:
        raise PresetError(f"{text!r} is no duration; write 90s, 30m, 2h or 1h30m")
    return float(seconds)
