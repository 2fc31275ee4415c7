"""A run's plan: the resolved preset with the facts of its tasks, and the trials that follow from it."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import msgspec

from archsearch.cell import Cell, SearchSpace
from archsearch.errors import PresetError
from archsearch.protocol.preset import Preset, TaskRules
from archsearch.protocol.records import Measure, Trial
from archsearch.protocol.settings import Setting, shared_settings
from archsearch.protocol.units import SMALLEST, smallest_budget, units


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
    """One task of a run: what people call it, what it is, and how it is trained."""

    task: str
    facts: TaskFacts
    plan: TaskRules


class RunPlan(msgspec.Struct, frozen=True, dict=True):
    """Everything that decides a run's steps and scores.

    Attributes:
        preset_name: The preset's name.
        preset: Its content; its limits of time and candidates decide nothing here.
        strategy: A key of STRATEGIES.
        space: The search space.
        seed: The run's seed.
        courses: The tasks, in the order of the stages.
        filter: The filter's task.
        engine: What executes cells, with its version.
        machine: Instruction set or device, and torch's version.
    """

    preset_name: str
    preset: Preset
    strategy: str
    space: SearchSpace
    seed: int
    courses: tuple[PlannedTask, ...]
    filter: TaskFacts
    engine: str
    machine: str

    @property
    def rule(self) -> Literal["paired", "published"]:
        """The rule of measurement."""
        return self.preset.rule

    @cached_property
    def course(self) -> dict[str, PlannedTask]:
        """The tasks by name."""
        return {course.task: course for course in self.courses}

    @cached_property
    def settings(self) -> dict[str, tuple[Setting, ...]]:
        """For each task s1, s2, … sG under `paired`, the whole grid under `published`."""
        if self.rule == "published":
            return {c.task: tuple(self.preset.grid.all(c.plan.budgets)) for c in self.courses}
        return {
            c.task: shared_settings(c.facts.name, self.preset.grid, c.plan.budgets, c.plan.G)
            for c in self.courses
        }

    def noise_settings(self, course: PlannedTask) -> tuple[Setting, ...]:
        """Return the settings of a task's noise trials: s1..sk, under `published` k that represent the grid."""
        return shared_settings(course.facts.name, self.preset.grid, course.plan.budgets, course.plan.k)

    def filter_setting(self, cell: str, tries: int) -> Setting | None:
        """Return the setting that a cell is tried on after so many tries; None if it had them all.

        Under `paired` all cells have the same in the same order; under `published` each has its own order.
        """
        plan = self.preset.filter
        words = self.filter.name if self.rule == "paired" else f"{self.filter.name} {cell}"
        settings = shared_settings(words, plan.grid, (plan.budget,), min(tries + 1, plan.tries))
        return settings[tries] if tries < len(settings) else None

    def measure(self, task: str) -> Measure:
        """Return what scores a task under the run's rule."""
        return "accuracy" if self.rule == "published" else self.course[task].facts.measure

    def skill(self, task: str, score: float) -> float:
        """Return how far a score is from no memory (0) to the ceiling (1); the raw score under `published`."""
        if self.rule == "published":
            return score
        facts = self.course[task].facts
        return (score - facts.floor) / (facts.ceiling - facts.floor)

    def trial(
        self,
        cell: str,
        task: str,
        setting: Setting,
        seed: int = 0,
        init_draw: int = 0,
        steps: int | None = None,
    ) -> Trial:
        """Return the trial of a cell on one of the run's tasks; without `steps` in full."""
        facts, plan = self.course[task].facts, self.course[task].plan
        return self._trial(
            cell,
            facts,
            steps or plan.steps,
            plan.epoch_steps,
            plan.validation,
            setting,
            seed,
            init_draw,
            self.measure(task),
        )

    def pauses(self, trial: Trial) -> bool:
        """Whether a trial ends at a rung, so that a longer one may go on from it."""
        return trial.stop_at is None and any(
            c.facts.name == trial.task and trial.steps < c.plan.steps for c in self.courses
        )

    def filter_trial(self, cell: str, setting: Setting) -> Trial:
        """Return a cell's trial on the filter."""
        plan = self.preset.filter
        trial = self._trial(
            cell, self.filter, plan.steps, plan.epoch_steps, plan.validation, setting, 0, 0, "accuracy"
        )
        return msgspec.structs.replace(trial, stop_at=plan.threshold, schedule="constant")

    def _trial(
        self,
        cell: str,
        facts: TaskFacts,
        steps: int,
        epoch_steps: int,
        validation: int,
        setting: Setting,
        seed: int,
        init_draw: int,
        measure: Measure,
    ) -> Trial:
        training = self.preset.training
        return Trial(
            cell=cell,
            task=facts.name,
            setting=setting,
            seed=seed,
            init_draw=init_draw,
            measure=measure,
            steps=steps,
            epoch_steps=epoch_steps,
            batch=training.batch,
            unroll=training.unroll,
            validation=validation,
            data=facts.checksum,
            engine=self.engine,
            machine=self.machine,
            schedule=training.schedule,
        )

    @cached_property
    def _narrowest(self) -> list[tuple[str, int, int, int]]:
        """For each task and the filter: name, symbols, most layers, smallest budget."""
        grid, memory = self.preset.grid, self.preset.filter
        rows = [(c.task, c.facts.symbols, max(grid.layers), min(c.plan.budgets)) for c in self.courses]
        return [*rows, (self.filter.name, self.filter.symbols, max(memory.grid.layers), memory.budget)]

    def too_narrow(self, cell: Cell) -> str | None:
        """Return on which task a cell would have fewer than 8 units, and what budget it takes; None if on none."""
        for task, symbols, layers, budget in self._narrowest:
            width = units(cell, symbols, layers, budget)
            if width < SMALLEST:
                least = smallest_budget(cell, symbols, layers)
                return (
                    f"cell {cell.name} has {width} units on {task} within a budget of {budget:,} parameters; "
                    f"at least {SMALLEST} are needed, which takes a budget of {least:,}"
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
