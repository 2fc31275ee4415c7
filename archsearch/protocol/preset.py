"""What a preset says: how a search measures. Everything that decides a score stands in it."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from archsearch.protocol.settings import Grid, OwnGrid

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
        stability: Largest share of diverged settings with which a cell ranks; 1 for any, as long as each task has a score.
        reexamination: Which one, and on what: a "random" one on further settings; or one that could be the first
            ("top-two"), each k settings with training data of their own, and candidates rank by what is believed of them.
        placebo: Share of steps that try a clone of the GRU as if it were a candidate.
        regroup: Whether cells that differ in the grouping of sums and products alone count as one (`archsearch.regrouped`).
        verdict: The last share of the time, in which the referee judges the best found cell; 0 for no verdict.
        verdict_settings: Settings of each of its pairs.
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
    stability: float = 1.0
    reexamination: Literal["random", "top-two"] = "random"
    placebo: float = 0.0
    regroup: bool = False
    verdict: float = 0.0
    verdict_settings: int = 6


class MutationRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much a mutation changes.

    Attributes:
        magnitude: "per_node" with p ~ U[0,1], or a "count" of 1 to 3.
        operators: "fixed": drawn by the weights of the space; "adapted": these times what each operator brought
            (docs/presets.md). Absent is the former, so that records are what they were before there was a choice.
    """

    magnitude: Literal["per_node", "count"]
    operators: Literal["fixed", "adapted"] | UnsetType = UNSET


NARROW = 16
"""Width of x where a preset says `x = "narrow"` and no width."""


class TrainingRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all trials share.

    Attributes:
        batch: Parallel streams.
        unroll: Time steps per window.
        schedule: "constant", or "halving" (docs/measuring.md, "Schedule").
        x: "embedding": as wide as the layer; "narrow": of a small width of its own (docs/measuring.md,
            "Cells that read x itself"). Absent is the former, so that records are what they were before there was a choice.
        x_width: Width of a narrow x; absent is `NARROW`.
    """

    batch: int = 20
    unroll: int = 35
    schedule: Literal["constant", "halving"] = "constant"
    x: Literal["embedding", "narrow"] | UnsetType = UNSET
    x_width: int | UnsetType = UNSET

    @property
    def own_width(self) -> int:
        """The width that x has of its own; 0 where it is as wide as the layer."""
        if self.x != "narrow":
            return 0
        return NARROW if self.x_width is UNSET else self.x_width


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
        tries: How many settings a cell may be tried on, one per proposal; 0 for no filter.
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
        grid: What its settings are drawn from, where that is not the preset's grid; absent, also from records, where it is.
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
    grid: OwnGrid | UnsetType = UNSET

    def grid_over(self, grid: Grid) -> Grid:
        """Return what the task's settings are drawn from: a preset's grid with what the task says otherwise."""
        return grid if self.grid is UNSET else self.grid.over(grid)

    @property
    def budgets(self) -> tuple[int, ...]:
        """The parameter budgets as a tuple."""
        return self.budget if isinstance(self.budget, tuple) else (self.budget,)


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A preset as its file writes it.

    Attributes:
        rule: How cells are compared: over shared settings, or as published.
        search: What a search starts from, sees and ends with.
        mutation: How much a mutation changes.
        filter: What a candidate passes first.
        grid: The values that settings are drawn from.
        training: What all trials share.
        tasks: The tasks by name.
        own: How a user's own tasks are trained.
        note: What the preset is for, for people.
        race: Whom a rung stops.
    """

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
