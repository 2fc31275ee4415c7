"""What the two cells of a claim get where it is not the same number of parameters: equal width, operations or time.

The second cell's size is always as the budget says. At equal width the first one is as wide, whatever parameters that takes;
at equal operations or time the dearer of the two trains fewer steps, so that neither trains longer than the preset says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import msgspec
from msgspec.structs import replace

from archsearch.cell import Cell
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Trial
from archsearch.protocol.units import model_parameters, products, units

Unequal = Literal["width", "flops", "time"]
Equal = Literal["parameters", "width", "flops", "time"]
"""What is the same for both cells of a claim."""

COUNTED: tuple[Unequal, ...] = ("width", "flops")
"""What can be made the same by counting alone, so that the claim is the same on every machine and at every time."""

Kind = tuple[str, int, int]
"""A task as people call it, a number of layers, a budget: what a cell's width and cost depend on."""

Ratio = Callable[[Kind], float]
"""What a step of the first cell costs for each of the second's."""


class Terms(msgspec.Struct, frozen=True):
    """What both cells get under all settings of a task with so many layers and so large a budget.

    Attributes:
        task: What people call the task.
        layers: Of the settings.
        budget: Of the settings, and of the second cell.
        ratio: What the first cell costs for each of the second's: parameters at equal width, else operations or seconds.
        a_budget: Budget of the first cell.
        a_steps: Training steps of the first cell.
        b_steps: Training steps of the second.
    """

    task: str
    layers: int
    budget: int
    ratio: float
    a_budget: int
    a_steps: int
    b_steps: int


class Equality(msgspec.Struct, frozen=True):
    """What is the same for both cells of a claim, and what each gets for that; part of the claim, so it holds for good.

    Attributes:
        what: What is the same.
        terms: For every task, number of layers and budget.
    """

    what: Unequal
    terms: tuple[Terms, ...]

    def given(
        self, task: str, ours: Sequence[Trial], theirs: Sequence[Trial]
    ) -> tuple[list[Trial], list[Trial]]:
        """Return the trials of both cells on a task as they are trained.

        Args:
            task: What people call the task.
            ours: Those of the first cell at equal parameters.
            theirs: Those of the second.
        """
        terms = {(each.layers, each.budget): each for each in self.terms if each.task == task}
        each = [terms[trial.setting.layers, trial.setting.budget] for trial in theirs]
        return (
            [
                replace(trial, setting=replace(trial.setting, budget=of.a_budget), steps=of.a_steps)
                for trial, of in zip(ours, each, strict=True)
            ],
            [replace(trial, steps=of.b_steps) for trial, of in zip(theirs, each, strict=True)],
        )


def kinds(plan: RunPlan) -> list[Kind]:
    """Return every task of a plan with every number of layers and every budget that its settings have."""
    return [
        (task.name, layers, budget)
        for task in plan.tasks
        for layers in plan.grid(task).layers
        for budget in task.rules.budgets
    ]


def equality(plan: RunPlan, a: Cell, b: Cell, what: Unequal, seconds: Ratio | None = None) -> Equality:
    """Return what two cells get on all tasks of a plan.

    Args:
        plan: What both are measured under.
        a: The cell that the claim is about.
        b: The other.
        what: What is the same.
        seconds: For "time": how many times as long a step of the first cell takes.
    """
    ratio = seconds or partial(_operations, plan, a, b)
    return Equality(
        what,
        tuple(
            _as_wide(plan, a, b, kind) if what == "width" else _as_dear(plan, ratio(kind), kind)
            for kind in kinds(plan)
        ),
    )


def _as_wide(plan: RunPlan, a: Cell, b: Cell, kind: Kind) -> Terms:
    name, layers, budget = kind
    task = plan.task[name]
    symbols, x_width = task.facts.symbols, plan.preset.training.own_width
    width = units(b, symbols, layers, budget, x_width)
    ours, theirs = (model_parameters(cell, width, symbols, layers, x_width) for cell in (a, b))
    steps = task.rules.steps
    return Terms(*kind, ratio=ours / theirs, a_budget=ours, a_steps=steps, b_steps=steps)


def _as_dear(plan: RunPlan, ratio: float, kind: Kind) -> Terms:
    steps = plan.task[kind[0]].rules.steps
    ours, theirs = (max(1, round(steps * share)) for share in (1 / max(1.0, ratio), min(1.0, ratio)))
    return Terms(*kind, ratio=ratio, a_budget=kind[2], a_steps=ours, b_steps=theirs)


def _operations(plan: RunPlan, a: Cell, b: Cell, kind: Kind) -> float:
    name, layers, budget = kind
    symbols, x_width = plan.task[name].facts.symbols, plan.preset.training.own_width
    widths = [units(cell, symbols, layers, budget, x_width) for cell in (a, b)]
    ours, theirs = (
        products(cell, n, symbols, layers, x_width) for cell, n in zip((a, b), widths, strict=True)
    )
    return ours / theirs
