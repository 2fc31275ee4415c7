"""`series:FILE.csv`: predict rows of a table of numbers, its columns the channels of a series in time.

The first 80 % of the rows are for training, the next 10 % for validation, the last 10 % for testing; where a column of
keys says that the file holds several series, of each of them. Every column is brought to mean 0 and deviation 1 by those of
the training part alone. The loss of a step is summed over the predicted columns, and the floor is that of the best of
the predictors without memory: the mean, the last value (persistence), and the last season's where one is named.
With `loss=nll` a mean and a variance are predicted of each column, and the floor's variances are those of training.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from archsearch.errors import TaskError
from archsearch.tasks.gaussian import LEAST_VARIANCE, gaussian_nll
from archsearch.tasks.measures import MEASURES
from archsearch.tasks.numbers_file import NumberTable, read_numbers
from archsearch.tasks.scaling import Scaling
from archsearch.tasks.series_floor import losses_without_memory
from archsearch.tasks.series_options import SeriesOptions
from archsearch.tasks.series_rows import Places, bounds, series_of, with_targets
from archsearch.tasks.streams import endless_file, file_pass
from archsearch.tasks.task import SPLITS, Measure, Numbers, Window, words_checksum

FEWEST = 1_000
"""Rows of a table: 100 for validation."""
LEAST = {"mse": 0.0, "gaussian_nll": float(gaussian_nll(0.0, LEAST_VARIANCE))}
"""The least loss of a target, by what a series is scored by."""
FARTHEST = 1e6
"""Deviations from the mean of the training part, beyond which its mean and deviation say nothing of the rest."""


@dataclass(frozen=True, eq=False)
class Series:
    """The task on one table."""

    name: str
    parts: Mapping[str, Numbers]
    """What windows are cut from, of `train`, `valid` and `test`; shape (rows, 1 + channels + predicted columns).

    A row holds whether a series begins there, the channels, and what is to be predicted after the row before it.
    """
    channels: int
    """The columns that are learned from."""
    losses: Numbers
    """What the best predictor without memory loses at every step of the validation part, shape (steps,)."""
    checksum: str
    """SHA-256 of the file, and of what is predicted where that is said."""
    scaling: Scaling
    """How the columns were brought to mean 0 and deviation 1."""
    measure: Measure

    is_real: bool = True
    alphabet: None = None

    @property
    def outputs(self) -> int:
        """How many numbers a model says of a step: the means, and the variances behind them where it says some."""
        return len(self.scaling.targets) * MEASURES[self.measure].outputs

    @property
    def symbols(self) -> int:
        """The columns that are learned from, or what is said of those that are predicted, whichever is more."""
        return max(self.channels, self.outputs)

    @property
    def floor(self) -> float:
        """The validation loss of the best predictor without memory."""
        return float(self.losses.mean())

    @property
    def ceiling(self) -> float:
        """What is lost where all is met, with the least variance where one is said."""
        return len(self.scaling.targets) * LEAST[self.measure]

    @property
    def spread(self) -> float:
        """Standard deviation of the floor's loss at one step."""
        return float(self.losses.std())

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
        for piece in cut(
            self.parts[split], batch, unroll, f"{self.name}, split {split}: a part of {{}} rows"
        ):
            begins = piece[..., 0] > 0
            yield Window(
                piece[:-1, :, 1 : 1 + self.channels],
                piece[1:, :, 1 + self.channels :],
                ~begins[1:],
                begins[:-1] if begins.any() else None,
            )


def load_series(name: str, path: Path, options: SeriesOptions) -> Series:
    """Return the task on a table.

    Args:
        name: The task's name.
        path: The file.
        options: What the name says of its columns.

    Raises:
        TaskError: The file is missing or no table of numbers, too short or too long, a column says nothing or is not
        there, or times go back.
    """
    table = read_numbers(path, options.apart)
    if len(table.rows) < FEWEST:
        raise TaskError(f"{path} has {len(table.rows):,} rows; a series needs at least {FEWEST:,}")
    targets = [table.column(said) for said in options.target] or list(range(len(table.names)))
    series = series_of(table, options)
    scaling = _scaling(table, np.concatenate([rows[bounds(len(rows))["train"]] for rows in series]), targets)
    scaled = _scaled(table, scaling)
    parts = {
        split: np.concatenate(
            [
                with_targets(
                    scaled[rows[bounds(len(rows))[split]]], targets, options.horizon, len(series) > 1
                )
                for rows in series
            ]
        )
        for split in SPLITS
    }
    whole = [scaled[rows] for rows in series]
    task = Series(
        name,
        parts,
        len(table.names),
        losses_without_memory(whole, targets, options),
        _checksum(table, options),
        scaling=scaling,
        measure=options.measure,
    )
    _check_floor(path, task, losses_without_memory(whole, targets, replace(options, measure="mse")))
    return task


def _check_floor(path: Path, task: Series, errors: Numbers) -> None:
    """Refuse a series of which there is nothing to be learned, or told.

    Args:
        path: The file.
        task: The task on it.
        errors: The squared errors of the best predictor without memory.

    Raises:
        TaskError: Says what is to be done.
    """
    if not errors.any():
        raise TaskError(
            f"{path} does not change from 80 to 90 % of its rows, for validation; nothing can be told there"
        )
    narrow = 0.5 * len(task.scaling.targets)  # what is between the two where the least variance fits
    if task.measure == "gaussian_nll" and task.floor - task.ceiling < narrow:
        raise TaskError(
            f"{path}: without memory its columns are known to a thousandth of their deviation, closer than a variance "
            "tells; predict further ahead (horizon=), or by the squared error (loss=mse)"
        )


def _scaling(table: NumberTable, train: Places, targets: list[int]) -> Scaling:
    """Return what gives each column mean 0 and deviation 1 in the rows for training."""
    with np.errstate(over="ignore"):
        mean, deviation = table.rows[train].mean(axis=0), table.rows[train].std(axis=0)
    for column, title in enumerate(table.titles):
        if not 0 < deviation[column] < np.inf:
            what = (
                "is the same number throughout" if deviation[column] == 0 else "has numbers too large to add"
            )
            raise TaskError(
                f"{table.path}: {title} {what} in the first 80 %, for training; leave that column out"
            )
    return Scaling(table.names, tuple(mean.tolist()), tuple(deviation.tolist()), tuple(targets))


def _scaled(table: NumberTable, scaling: Scaling) -> Numbers:
    """Return all rows, each column with mean 0 and deviation 1 in the rows for training."""
    scaled = scaling.scaled(table.rows)
    farthest = np.unravel_index(np.abs(scaled).argmax(), scaled.shape)
    if not abs(scaled[farthest]) < FARTHEST:
        raise TaskError(
            f"{table.path}: {table.titles[farthest[1]]} goes to {table.rows[farthest]:g}, more than a million deviations "
            "from its mean in the first 80 %, for training; clip it, or leave it out"
        )
    return scaled


def _checksum(table: NumberTable, options: SeriesOptions) -> str:
    file = hashlib.sha256(table.content).hexdigest()
    if options == SeriesOptions():
        return file
    loss = () if options.measure == "mse" else (options.measure,)
    return words_checksum("series", file, options, *loss)
