"""Presets: TOML files that say how a search measures. Everything that decides a score stands in them."""

from __future__ import annotations

import difflib
import re
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from archsearch.errors import PresetError
from archsearch.protocol.settings import Grid
from archsearch.resources import grammars

Rule = Literal["paired", "published"]


class SearchPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long a search looks ahead, what it starts from, and when it ends.

    Attributes:
        look_ahead: W: step k sees the steps up to k - W.
        pool: Size of the pool.
        start: Library cells in the pool from the beginning.
        references: Library cells trained under the same rule before the first proposal; the start cells are among them.
        noise_draws: K: fresh initial weights of the GRU, for the noise statement.
        max_time: Time after which the run is finished, such as "3m"; None for no limit.
        max_candidates: Candidates after which the run is finished; None for no limit.
        reexamine: Probability that a step re-examines a member of the pool.
    """

    look_ahead: int
    pool: int
    start: tuple[str, ...]
    references: tuple[str, ...]
    noise_draws: int = 3
    max_time: str | None = None
    max_candidates: int | None = None
    reexamine: float = 0.5


class MutationPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much a mutation changes: "per_node" with p ~ U[0,1], or a "count" of 1 to 3."""

    magnitude: Literal["per_node", "count"]


class TrainingPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all trials share."""

    batch: int = 20
    unroll: int = 35
    schedule: Literal["constant", "halving"] = "constant"


class FilterPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The filter that a candidate passes before anything else is trained (papers.md 1.4).

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


class TaskPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
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

    @property
    def budgets(self) -> tuple[int, ...]:
        """The parameter budgets as a tuple."""
        return self.budget if isinstance(self.budget, tuple) else (self.budget,)


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A preset as its file writes it; `tasks` in the order of the stages, `own` for a user's own tasks."""

    rule: Rule
    search: SearchPlan
    mutation: MutationPlan
    filter: FilterPlan
    grid: Grid
    training: TrainingPlan
    tasks: dict[str, TaskPlan]
    own: TaskPlan
    note: str = ""


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
        preset = msgspec.toml.decode(path.read_bytes(), type=Preset)
    except OSError as error:
        raise PresetError(f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PresetError(f"{path}: {error}{_nearest(str(error))}") from None
    _check(path, preset)
    return path.stem, preset


def _nearest(message: str) -> str:
    """Return a hint at the nearest known key, if the message is about an unknown one."""
    found = re.search(r"unknown field `([^`]*)`", message)
    if not found:
        return ""
    structs = (Preset, SearchPlan, MutationPlan, TrainingPlan, FilterPlan, TaskPlan, Grid)
    known = sorted({field for struct in structs for field in struct.__struct_fields__})
    near = difflib.get_close_matches(found[1], known, 1)
    return f"; did you mean {near[0]!r}?" if near else f"; known keys: {', '.join(known)}"


def parse_duration(text: str) -> float:
    """Return the seconds of a text such as 90s, 30m, 2h or 1h30m.

    Raises:
        PresetError: The text is none.
    """
    match = re.fullmatch(
        r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip()
    )
    seconds = (
        sum(float(part) * unit for part, unit in zip(match.groups(), (86400, 3600, 60, 1), strict=True) if part)
        if match
        else 0
    )
    if not seconds:
        raise PresetError(f"{text!r} is no duration; write 90s, 30m, 2h or 1h30m")
    return float(seconds)


def _check(path: Path, preset: Preset) -> None:
    """Refuse numbers that make no search."""

    def require(holds: bool, what: str) -> None:
        if not holds:
            raise PresetError(f"{path}: {what}")

    search = preset.search
    require(search.look_ahead >= 1, f"search.look_ahead is {search.look_ahead}; it must be at least 1")
    require(search.pool >= 1, f"search.pool is {search.pool}; it must be at least 1")
    require(bool(search.start), "search.start is empty; a search starts from at least one cell")
    require("gru" in search.references, "search.references lacks 'gru', the baseline of every ratio")
    missing = [name for name in search.start if name not in search.references]
    require(not missing, f"start cells must be references too; missing there: {', '.join(missing)}")
    require(0 <= search.reexamine < 1, f"search.reexamine is {search.reexamine}; it lies in [0, 1)")
    require(
        preset.training.batch >= 1 and preset.training.unroll >= 2,
        "training.batch is at least 1, training.unroll at least 2",
    )
    if search.max_time is not None:
        parse_duration(search.max_time)
    require(bool(preset.tasks), "there is no [tasks.…] table")
    memory = preset.filter
    require(
        min(memory.budget, memory.steps, memory.epoch_steps, memory.validation, memory.tries) >= 1,
        "filter: numbers are at least 1",
    )
    for name, plan in {**preset.tasks, "own": preset.own}.items():
        positive = min(plan.steps, plan.epoch_steps, plan.validation, *plan.budgets) >= 1
        require(positive, f"{name}: budget, steps, epoch_steps and validation are at least 1")
        require(1 <= plan.k <= plan.G, f"{name}: k is {plan.k} and G {plan.G}; 1 <= k <= G")
        gate = plan.gate
        require(gate == "noise" or 0 <= float(gate) < 1, f"{name}: gate is {gate}; it lies in [0, 1) or is 'noise'")
    for name, grid in (("grid", preset.grid), ("filter.grid", preset.filter.grid)):
        require(all(len(getattr(grid, axis)) for axis in grid.__struct_fields__), f"{name}: every axis needs a value")
        require(
            min(*grid.rate, *grid.scale, *grid.clip, 1.0) > 0 and min(grid.layers) >= 1,
            f"{name}: rates, scales, clips and layers are positive",
        )
        require(all(0 <= p < 1 for p in grid.dropout), f"{name}: dropout lies in [0, 1)")
