"""`series:FILE.csv`: predict the next row of a table of numbers, its columns the channels of a series in time.

The first 80 % of the rows are for training, the next 10 % for validation, the last 10 % for testing. Every column is
brought to mean 0 and deviation 1 by those of its training part alone. The error of a step is summed over the columns, and
the floor is that of the better of two predictors without memory: the mean, and the last value (persistence).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from archsearch.errors import TaskError
from archsearch.tasks.numbers_file import read_numbers
from archsearch.tasks.streams import endless_file, file_pass, window
from archsearch.tasks.task import SPLITS, Measure, Numbers, Window

FEWEST = 1_000
"""Rows of a series: 100 for validation."""
FARTHEST = 1e6
"""Deviations from the mean of the training part, beyond which its mean and deviation say nothing of the rest."""


@dataclass(frozen=True, eq=False)
class Series:
    """The task on one table."""

    name: str
    parts: Mapping[str, Numbers]
    """The rows of `train`, `valid` and `test` in their order, normalised."""
    checksum: str
    """SHA-256 of the file."""

    measure: Measure = "mse"
    is_real: bool = True
    ceiling: float = 0.0
    alphabet: None = None

    @property
    def symbols(self) -> int:
        """The columns."""
        return int(self.parts["train"].shape[1])

    @cached_property
    def _errors(self) -> Numbers:
        """The squared error of the better predictor at every step of the validation part, shape (steps,)."""
        rows = self.parts["valid"]
        predictors = np.zeros_like(rows[1:]), rows[:-1]
        errors: list[Numbers] = [np.square(rows[1:] - predicted).sum(axis=1) for predicted in predictors]
        return min(errors, key=lambda error: float(error.mean()))

    @property
    def floor(self) -> float:
        """The validation error of the mean or of the last value, whichever is less."""
        return float(self._errors.mean())

    @property
    def spread(self) -> float:
        """Standard deviation of that error at one step."""
        return float(self._errors.std())

    def windows(self, split: str, rng: np.random.Generator, batch: int, unroll: int) -> Iterator[Window]:
        """Yield the windows of a part, in order; `rng` is not used. The last one of a pass may be shorter.

        Args:
            split: `train`, `valid` or `test`.
            rng: The only source of chance.
            batch: B, at least 1.
            unroll: T, at least 1.
        """
        if split not in SPLITS:
            raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")
        cut = endless_file if split == "train" else file_pass
        pieces = cut(self.parts[split], batch, unroll, f"{self.name}, split {split}: a part of {{}} rows")
        yield from map(window, pieces)


def load_series(name: str, path: Path) -> Series:
    """Return the task on a table.

    Args:
        name: The task's name.
        path: The file.

    Raises:
        TaskError: The file is missing or no table of numbers, too short or too long, or a column says nothing.
    """
    table = read_numbers(path)
    rows = table.rows
    if len(rows) < FEWEST:
        raise TaskError(f"{path} has {len(rows):,} rows; a series needs at least {FEWEST:,}")
    train, valid = len(rows) * 80 // 100, len(rows) * 90 // 100
    with np.errstate(over="ignore"):
        mean, deviation = rows[:train].mean(axis=0), rows[:train].std(axis=0)
    for column, title in enumerate(table.titles):
        if not 0 < deviation[column] < np.inf:
            what = (
                "is the same number throughout" if deviation[column] == 0 else "has numbers too large to add"
            )
            raise TaskError(f"{path}: {title} {what} in the first 80 %, for training; leave that column out")
    scaled = (rows - mean) / deviation
    farthest = np.unravel_index(np.abs(scaled).argmax(), scaled.shape)
    if not abs(scaled[farthest]) < FARTHEST:
        raise TaskError(
            f"{path}: {table.titles[farthest[1]]} goes to {rows[farthest]:g}, more than a million deviations from its mean "
            "in the first 80 %, for training; clip it, or leave it out"
        )
    parts = {"train": scaled[:train], "valid": scaled[train:valid], "test": scaled[valid:]}
    series = Series(name, parts, hashlib.sha256(table.content).hexdigest())
    if series.floor == 0:
        raise TaskError(
            f"{path} does not change from 80 to 90 % of its rows, for validation; nothing can be told there"
        )
    return series
