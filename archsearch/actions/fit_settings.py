"""Under which settings a model is trained: those that won for its cell in a run, else some that are compared first."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import msgspec

from archsearch.actions.own_tasks import recorded_name
from archsearch.cell import Cell
from archsearch.errors import InputError
from archsearch.protocol.checks import MOST_LAYERS
from archsearch.protocol.preset import Preset, TaskRules
from archsearch.protocol.settings import Grid, Optimiser, Setting, shared_settings
from archsearch.protocol.units import model_parameters, units
from archsearch.store import Leaderboard

MOST_UNITS = 100_000


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a person says of a model; what is None is not said.

    Attributes:
        units: Width of a layer.
        parameters: The most that it has, instead.
        layers: How many.
        optimiser: As in a setting, like the four below.
        rate: Learning rate.
        clip: Largest norm of the gradient.
        scale: Initial scale.
        dropout: Share that is dropped.
    """

    units: int | None = None
    parameters: int | None = None
    layers: int | None = None
    optimiser: Optimiser | None = None
    rate: float | None = None
    clip: float | None = None
    scale: float | None = None
    dropout: float | None = None

    def __post_init__(self) -> None:
        if self.units is not None and self.parameters is not None:
            raise InputError("units and parameters both say how large the model is; give one of them")
        ranges = {
            "units": (1, MOST_UNITS),
            "parameters": (1, 10**9),
            "layers": (1, MOST_LAYERS),
            "rate": (1e-12, 1e6),
            "clip": (1e-12, 1e12),
            "scale": (1e-12, 1e6),
            "dropout": (0, 0.99),
        }
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise InputError(f"{name} {value:g}: it lies between {least:g} and {most:g}")

    @property
    def axes(self) -> dict[str, Any]:
        """What is said of a setting, by field."""
        names = {field.name for field in fields(self)} - {"units", "parameters"}
        return {name: value for name in sorted(names) if (value := getattr(self, name)) is not None}

    def sized(self, setting: Setting, cell: Cell, symbols: int, x_width: int) -> Setting:
        """Return a setting whose budget gives the model the size that is wanted.

        Args:
            setting: The setting; its own budget stands where nothing is said.
            cell: The cell.
            symbols: Size of the task's alphabet.
            x_width: Width of x where it has one of its own, else 0.

        Raises:
            InputError: The cell has no unit within the parameters, or not just so many.
        """
        budget = setting.budget if self.parameters is None else self.parameters
        if self.units is not None:
            budget = model_parameters(cell, self.units, symbols, setting.layers, x_width)
        found = units(cell, symbols, setting.layers, budget, x_width)
        if found < 1:
            least = model_parameters(cell, 1, symbols, setting.layers, x_width)
            raise InputError(
                f"cell {cell.name} has no unit within {budget:,} parameters; one takes {least:,}: give --parameters"
            )
        if self.units is not None and found != self.units:
            raise InputError(
                f"cell {cell.name} is never as wide as a narrow x, {x_width} units; give one more or less"
            )
        return msgspec.structs.replace(setting, budget=budget)


def won_setting(board: Leaderboard | None, cell: str, task: str) -> Setting | None:
    """Return the setting under which a cell had its best score on a task of a run; None where there is none.

    Args:
        board: The run's leaderboard.
        cell: The cell's id.
        task: What a person calls the task.
    """
    if board is None:
        return None
    row = next((row for row in board.rows if row.id == cell), None)
    known = {planned.name: planned.full_name for planned in board.plan.tasks}
    name = recorded_name(task, known)
    if row is None or name not in row.judgement.tasks:
        return None
    return row.judgement.tasks[name].setting


def compared_settings(
    full_name: str, preset: Preset, rules: TaskRules, wanted: Wanted, count: int
) -> tuple[Setting, ...]:
    """Return the first settings of a preset's list for a task, with what is said fixed; fewer where there are no more.

    Args:
        full_name: The task with its difficulty.
        preset: The preset.
        rules: Of the task.
        wanted: What is said.
        count: How many.
    """
    grid = rules.grid_over(preset.grid)
    fixed = Grid(**{axis: (value,) for axis, value in wanted.axes.items()} | _rest(grid, wanted))
    return shared_settings(full_name, fixed, rules.budgets[:1], count)


def _rest(grid: Grid, wanted: Wanted) -> dict[str, Any]:
    return {axis: getattr(grid, axis) for axis in grid.__struct_fields__ if axis not in wanted.axes}
