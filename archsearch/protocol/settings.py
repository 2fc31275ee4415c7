"""Settings: one choice of hyper-parameters each, and the lists that are drawn from a preset's grid."""

import itertools
from functools import lru_cache
from typing import Literal

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from msgspec.structs import asdict, replace

from archsearch.protocol.seeds import generator

Optimiser = Literal["adamw", "sgd"]


class Setting(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One choice of hyper-parameters.

    Attributes:
        optimiser: "adamw" or "sgd".
        rate: Learning rate; the gradient is divided by the batch size.
        clip: Largest global norm of the gradient.
        scale: Initial scale s: weights are drawn from U(±s/sqrt(n)).
        layers: Number of stacked layers.
        budget: Largest parameter count, from which the width n follows.
        dropout: Between layers and before the output.
    """

    optimiser: Optimiser
    rate: float
    clip: float
    scale: float
    layers: int
    budget: int
    dropout: float = 0.0

    def as_dict(self) -> dict[str, str | float | int]:
        """Return the setting by field name."""
        return {name: getattr(self, name) for name in self.__struct_fields__}

    def __str__(self) -> str:
        extra = f", dropout {self.dropout:g}" if self.dropout else ""
        layers = "1 layer" if self.layers == 1 else f"{self.layers} layers"
        training = f"{self.optimiser} {self.rate:g}, clip {self.clip:g}, scale {self.scale:g}"
        return f"{training}, {layers}, {self.budget:,} parameters{extra}"


class Grid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The values that settings are drawn from; a task adds its parameter budgets.

    Attributes:
        optimiser: As in a setting, like all of these.
        rate: Learning rates.
        scale: Initial scales.
        clip: Largest norms of the gradient.
        layers: Numbers of layers.
        dropout: Shares that are dropped.
    """

    optimiser: tuple[Optimiser, ...]
    rate: tuple[float, ...]
    scale: tuple[float, ...]
    clip: tuple[float, ...]
    layers: tuple[int, ...] = (1,)
    dropout: tuple[float, ...] = (0.0,)

    def all(self, budgets: tuple[int, ...]) -> list[Setting]:
        """Return every setting of the grid, in the order of its axes."""
        axes = (self.optimiser, self.rate, self.clip, self.scale, self.layers, budgets, self.dropout)
        return [Setting(*values) for values in itertools.product(*axes)]


class OwnGrid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a task says of the grid otherwise than its preset; an axis that is absent is the preset's.

    Attributes:
        optimiser: As in a grid, like all of these.
        rate: Learning rates.
        scale: Initial scales.
        clip: Largest norms of the gradient.
        layers: Numbers of layers.
        dropout: Shares that are dropped.
    """

    optimiser: tuple[Optimiser, ...] | UnsetType = UNSET
    rate: tuple[float, ...] | UnsetType = UNSET
    scale: tuple[float, ...] | UnsetType = UNSET
    clip: tuple[float, ...] | UnsetType = UNSET
    layers: tuple[int, ...] | UnsetType = UNSET
    dropout: tuple[float, ...] | UnsetType = UNSET

    def over(self, grid: Grid) -> Grid:
        """Return a preset's grid with what is said otherwise."""
        said = {axis: values for axis, values in asdict(self).items() if values is not UNSET}
        return replace(grid, **said)


@lru_cache(1024)
def shared_settings(task: str, grid: Grid, budgets: tuple[int, ...], count: int) -> tuple[Setting, ...]:
    """Return s1, s2, … of a task: the same list for every cell of every run, and a prefix of every longer list.

    It is stratified: each block of as many settings as there are rates holds every rate once
    (docs/measuring.md, "Settings").

    Args:
        task: The task with its difficulty; part of what makes the list.
        grid: What the settings are drawn from.
        budgets: The task's parameter budgets.
        count: How many; fewer where the grid has no more.
    """
    rng = generator("settings", task, msgspec.json.encode([grid, budgets]).decode())
    return stratified_settings(rng, grid, budgets, count)


def stratified_settings(
    rng: np.random.Generator, grid: Grid, budgets: tuple[int, ...], count: int
) -> tuple[Setting, ...]:
    """Return settings of a grid, drawn without replacement: each block of as many as there are rates holds every rate once.

    Args:
        rng: The only source of chance.
        grid: What the settings are drawn from.
        budgets: Parameter budgets.
        count: How many; fewer where the grid has no more.
    """
    everything = grid.all(budgets)
    by_rate = {
        rate: [setting for setting in everything if setting.rate == rate] for rate in dict.fromkeys(grid.rate)
    }
    drawn: list[Setting] = []
    while len(drawn) < min(count, len(everything)):
        for index in rng.permutation(len(by_rate)):
            left = list(by_rate.values())[index]
            if left:
                drawn.append(left.pop(int(rng.integers(len(left)))))
    return tuple(drawn[:count])
