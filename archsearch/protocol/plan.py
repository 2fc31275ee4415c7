"""A run's plan: the resolved preset with the facts of its tasks, and the trials that follow from it."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Literal

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from archsearch.cell import Cell, SearchSpace
from archsearch.errors import PresetError
from archsearch.protocol.preset import FilterRules, Preset, TaskRules
from archsearch.protocol.records import Trial
from archsearch.protocol.settings import Grid, Setting, shared_settings
from archsearch.protocol.units import SMALLEST, smallest_budget, units
from archsearch.tasks.task import Measure
from archsearch.tasks.task_name import TaskName


class TaskFacts(msgspec.Struct, frozen=True):
    """What a task says of itself, found out once per run.

    Attributes:
        name: As `tasks.load` takes it, with its difficulty.
        symbols: Size of the alphabet.
        measure: What the paired rule scores by.
        floor: Score of a predictor without memory.
        ceiling: Best score that any predictor can have.
        spread: Standard deviation of one scored position.
        checksum: SHA-256 of the data.
    """

    name: str
    symbols: int
    measure: Measure
    floor: float
    ceiling: float
    spread: float
    checksum: str


class PlannedTask(msgspec.Struct, frozen=True):
    """One task of a run.

    Attributes:
        name: What people call it: "xml", or the name of a user's own task.
        facts: What it says of itself.
        rules: How it is trained and judged.
    """

    name: str = msgspec.field(name="task")
    facts: TaskFacts
    rules: TaskRules = msgspec.field(name="plan")

    @property
    def full_name(self) -> str:
        """Its name with the difficulty, as `tasks.load` takes it."""
        return self.facts.name

    @property
    def described(self) -> str:
        """Its name with the difficulty and, where it says one, the budget."""
        own = TaskName.parse(self.full_name).is_own
        _, at, size = ("", "", "") if own else self.name.partition("@")
        return f"{self.full_name}{at}{size}"


class RunPlan(msgspec.Struct, frozen=True, dict=True):
    """Everything that decides a run's steps and scores.

    Attributes:
        preset_name: The preset's name.
        preset: Its content; its limits of time and candidates decide nothing here.
        strategy: A key of STRATEGIES.
        space: The search space.
        seed: The run's seed.
        tasks: The tasks, in the order of the stages.
        filter: The filter's task.
        engine: What executes cells, with its version.
        machine: Instruction set or device, and torch's version.
        cells: The texts of start cells and references that are not in the library, by the names that the preset has.
    """

    preset_name: str
    preset: Preset
    strategy: str
    space: SearchSpace
    seed: int
    tasks: tuple[PlannedTask, ...] = msgspec.field(name="courses")
    filter: TaskFacts
    engine: str
    machine: str
    cells: dict[str, str] = {}

    def without_limits(self) -> RunPlan:
        """Return the plan without what may change from one session to the next: when it ends, and the preset's note."""
        search = replace(self.preset.search, max_time=None, max_candidates=None)
        return replace(self, preset=replace(self.preset, search=search, note=""))

    @property
    def rule(self) -> Literal["paired", "published"]:
        """The rule of measurement."""
        return self.preset.rule

    @cached_property
    def task(self) -> dict[str, PlannedTask]:
        """The tasks by name."""
        return {task.name: task for task in self.tasks}

    @cached_property
    def settings(self) -> dict[str, tuple[Setting, ...]]:
        """For each task s1, s2, … sG under `paired`, the whole grid under `published`."""
        return {task.name: self._settings(task) for task in self.tasks}

    def grid(self, task: PlannedTask) -> Grid:
        """Return what a task's settings are drawn from."""
        return task.rules.grid_over(self.preset.grid)

    def _settings(self, task: PlannedTask) -> tuple[Setting, ...]:
        if self.rule == "published":
            return tuple(self.grid(task).all(task.rules.budgets))
        return shared_settings(task.full_name, self.grid(task), task.rules.budgets, task.rules.G)

    @property
    def in_blocks(self) -> bool:
        """Whether each k settings of a task are a block, with training data of its own."""
        return self.preset.search.reexamination == "top-two"

    def block(self, task: str, setting: Setting) -> int:
        """Return the number of the block that a setting of a task is in, from 0; it is the seed of its training data."""
        return self._blocks[task].get(setting, 0) if self.in_blocks else 0

    @cached_property
    def _blocks(self) -> dict[str, dict[Setting, int]]:
        return {
            task.name: {s: place // task.rules.k for place, s in enumerate(self.settings[task.name])}
            for task in self.tasks
        }

    def noise_settings(self, task: PlannedTask) -> tuple[Setting, ...]:
        """Return the settings of a task's noise trials: s1..sk, under `published` k that represent the grid."""
        return shared_settings(task.full_name, self.grid(task), task.rules.budgets, task.rules.k)

    def filter_setting(self, cell: str, tries: int) -> Setting | None:
        """Return the setting that a cell is tried on after so many tries; None if it had them all.

        Under `paired` all cells have the same in the same order; under `published` each has its own order.
        """
        rules = self.preset.filter
        words = self.filter.name if self.rule == "paired" else f"{self.filter.name} {cell}"
        settings = shared_settings(words, rules.grid, (rules.budget,), min(tries + 1, rules.tries))
        return settings[tries] if tries < len(settings) else None

    def measure(self, task: str) -> Measure:
        """Return what scores a task under the run's rule."""
        return "accuracy" if self.rule == "published" else self.task[task].facts.measure

    def skill(self, task: str, score: float | None) -> float | None:
        """Return how far a score is from no memory (0) to the ceiling (1); the raw score under `published`.

        Returns:
            None without a finite score, so that nothing ranks by what is no number.
        """
        if score is None or not math.isfinite(score):
            return None
        if self.rule == "published":
            return score
        facts = self.task[task].facts
        return (score - facts.floor) / (facts.ceiling - facts.floor)

    def trial(
        self,
        cell: str,
        task: str,
        setting: Setting,
        *,
        seed: int | None = None,
        init_draw: int = 0,
        steps: int | None = None,
    ) -> Trial:
        """Return the trial of a cell on one of the run's tasks.

        Args:
            cell: The cell's id.
            task: What people call the task.
            setting: The hyper-parameters.
            seed: Makes the training data; None for the one that a search has for this setting.
            init_draw: Makes the initial weights.
            steps: Training steps; None trains in full.
        """
        rules = self.task[task].rules
        trial = self._trial(cell, self.task[task].facts, rules, setting, self.measure(task))
        seed = self.block(task, setting) if seed is None else seed
        return replace(trial, seed=seed, init_draw=init_draw, steps=steps or rules.steps)

    def filter_trial(self, cell: str, setting: Setting) -> Trial:
        """Return a cell's trial on the filter."""
        rules = self.preset.filter
        trial = self._trial(cell, self.filter, rules, setting, "accuracy")
        return replace(trial, stop_at=rules.threshold, schedule="constant")

    def _trial(
        self,
        cell: str,
        facts: TaskFacts,
        rules: TaskRules | FilterRules,
        setting: Setting,
        measure: Measure,
    ) -> Trial:
        return Trial(
            cell=cell,
            task=facts.name,
            setting=setting,
            seed=0,
            init_draw=0,
            measure=measure,
            steps=rules.steps,
            epoch_steps=rules.epoch_steps,
            batch=self.preset.training.batch,
            unroll=self.preset.training.unroll,
            validation=rules.validation,
            data=facts.checksum,
            engine=self.engine,
            machine=self.machine,
            schedule=self.preset.training.schedule,
            x_width=self.preset.training.own_width or UNSET,
        )

    def pauses(self, trial: Trial) -> bool:
        """Whether a trial ends at a rung, so that a longer one may go on from it."""
        task = self.task_of(trial)
        return task is not None and trial.stop_at is None and trial.steps < task.rules.steps

    def task_of(self, trial: Trial) -> PlannedTask | None:
        """Return the task that a trial of the run is of; None if it is of none, as the filter's."""
        return self._tasks_by_budget.get((trial.task, trial.setting.budget))

    @cached_property
    def _tasks_by_budget(self) -> dict[tuple[str, int], PlannedTask]:
        return {(task.full_name, budget): task for task in self.tasks for budget in task.rules.budgets}

    @cached_property
    def _narrowest(self) -> list[tuple[str, int, int, int]]:
        """For each task and the filter: name, symbols, most layers, smallest budget."""
        memory = self.preset.filter
        rows = [
            (task.name, task.facts.symbols, max(self.grid(task).layers), min(task.rules.budgets))
            for task in self.tasks
        ]
        if not memory.tries:
            return rows
        return [*rows, (self.filter.name, self.filter.symbols, max(memory.grid.layers), memory.budget)]

    def too_narrow(self, cell: Cell) -> str | None:
        """Return on which task a cell would have fewer than 8 units, and what budget it takes; None if on none."""
        x_width = self.preset.training.own_width
        for task, symbols, layers, budget in self._narrowest:
            width = units(cell, symbols, layers, budget, x_width)
            if width < SMALLEST:
                return (
                    f"cell {cell.name} has {width} units on {task} within a budget of {budget:,} parameters; at least "
                    f"{SMALLEST} are needed, which takes a budget of {smallest_budget(cell, symbols, layers, x_width):,}"
                )
        return None

    def check_references(self, cells: dict[str, Cell]) -> None:
        """Refuse a plan whose budgets are too small for its references.

        Raises:
            PresetError: Names the cell, the task and the smallest budget.
        """
        for cell in cells.values():
            if problem := self.too_narrow(cell):
                raise PresetError(f"preset {self.preset_name}: {problem}")
