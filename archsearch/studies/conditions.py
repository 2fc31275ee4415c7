"""Tasks that have a length, and what a trained cell meets on them: longer ones, noise on its inputs, other frequencies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from archsearch.errors import InputError
from archsearch.protocol.seeds import generator
from archsearch.tasks import TASKS, Task, Window
from archsearch.words import did_you_mean

UNROLL = 35
LONGER = (2, 10)
"""How many times the length that was trained."""
NOISES = (0.05, 0.2)
"""Share of input symbols that are replaced by others; of real numbers the deviation of what is added."""


LENGTHS: dict[str, Callable[[int], Task]] = {
    name: family.longer for name, family in TASKS.items() if family.longer is not None
}
"""Name -> (how many times as long) -> task."""


class LeaningGenerator(np.random.Generator):
    """A generator whose uniform numbers are squared, so that low ones are commoner; a choice between two stays even.

    Tasks that draw from it have commoner early letters and low digits, numbers, lengths and places.
    """

    def integers(self, low: Any, high: Any = None, size: Any = None, *others: Any, **more: Any) -> Any:
        """Return whole numbers from `low` to `high` - 1, or from 0 to `low` - 1; shape `size`."""
        least, end = (0, low) if high is None else (low, high)
        if end - least <= 2:
            return super().integers(low, high, size, *others, **more)
        return least + ((end - least) * np.square(super().random(size))).astype(np.int64)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """Return real numbers from `low` to `high`, shape `size`."""
        return low + (high - low) * np.square(super().random(size))


def _plain(name: str, split: str, seed: int) -> np.random.Generator:
    return generator("generalize", name, split, seed)


def check_task_with_length(name: str) -> None:
    """Refuse a task that has no length.

    Raises:
        InputError: Names the nearest.
    """
    if name not in LENGTHS:
        hint = did_you_mean(name, LENGTHS, " ({})")
        raise InputError(f"no task with a length {name!r}{hint}; there are {', '.join(LENGTHS)}")


def training_windows(name: str, batch: int, seed: int) -> Iterator[Window]:
    """Yield what a cell is trained on, for ever.

    Args:
        name: Of LENGTHS.
        batch: Streams.
        seed: Of the data.
    """
    return LENGTHS[name](1).windows("train", _plain(name, "train", seed), batch, UNROLL)


def scored_conditions(name: str, batch: int) -> dict[str, tuple[Task, Iterator[Window]]]:
    """Return what a trained cell is scored on, by name: the task that says floor and ceiling, and endless windows.

    Args:
        name: Of LENGTHS.
        batch: Streams.
    """
    task = LENGTHS[name](1)

    def windows(of: Task, rng: np.random.Generator) -> Iterator[Window]:
        return of.windows("test", rng, batch, UNROLL)

    found = {"as trained": (task, windows(task, _plain(name, "test", 0)))}
    for times in LONGER:
        longer = LENGTHS[name](times)
        found[f"x{times}"] = longer, windows(longer, _plain(name, f"x{times}", 0))
    for noise in NOISES:
        rng = _plain(name, f"noise {noise}", 0)
        found[f"noise {noise:g}"] = task, _noisy(task, windows(task, _plain(name, "test", 0)), noise, rng)
    leaning = LeaningGenerator(_plain(name, "shifted", 0).bit_generator)
    found["shifted"] = task, windows(task, leaning)
    return found


def _noisy(task: Task, windows: Iterator[Window], noise: float, rng: np.random.Generator) -> Iterator[Window]:
    """Yield windows with other inputs here and there, and the same targets."""
    for window in windows:
        inputs = window.inputs
        if inputs.dtype.kind == "f":
            inputs = inputs + noise * rng.standard_normal(inputs.shape)
        else:
            other = rng.integers(task.symbols, size=inputs.shape)
            inputs = np.where(rng.random(inputs.shape) < noise, other, inputs)
        yield Window(inputs, window.targets, window.scored, window.reset)
