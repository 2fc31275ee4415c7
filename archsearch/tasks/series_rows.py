"""The rows of a table as series in time: which rows each has, and its three parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsearch.errors import TaskError
from archsearch.tasks.numbers_file import NumberTable
from archsearch.tasks.series_options import SeriesOptions
from archsearch.tasks.task import Numbers

Places = NDArray[np.intp]


def series_of(table: NumberTable, options: SeriesOptions) -> list[Places]:
    """Return the places of each series' rows in the table; series come in the order of their first rows.

    Args:
        table: Its rows.
        options: Which column holds keys, and which times.

    Raises:
        TaskError: A series is too short, or its times do not grow.
    """
    apart = dict(zip(options.apart, table.apart, strict=True))
    places: dict[str, list[int]] = {}
    for place, key in enumerate(apart.get(options.key, ("",) * len(table.rows))):
        places.setdefault(key, []).append(place)
    for key, rows in places.items():
        _check_length(
            table, f"{options.key} {key[:40]!r}" if options.key else "the table", len(rows), options
        )
        if options.time:
            check_times(table, options.time, apart[options.time], rows)
    return [np.array(rows) for rows in places.values()]


def bounds(count: int) -> dict[str, slice]:
    """Return where each part of so many rows lies: the first 80 %, the next 10 %, the last 10 %."""
    train, valid = count * 80 // 100, count * 90 // 100
    return {"train": slice(0, train), "valid": slice(train, valid), "test": slice(valid, count)}


def with_targets(rows: Numbers, targets: Sequence[int], horizon: int, begins: bool) -> Numbers:
    """Return what windows of a part are cut from.

    Args:
        rows: The part, shape (n, channels).
        targets: The columns that are predicted.
        horizon: h.
        begins: Whether states are to be reset at its first row.

    Returns:
        Shape (n - h + 1, 1 + channels + targets). A row holds whether a series begins there, the channels, and what is to
        be predicted after the row before it.
    """
    count = len(rows) - horizon + 1
    flags = np.zeros((count, 1))
    flags[0] = begins
    return np.concatenate((flags, rows[:count], rows[horizon - 1 :][:, targets]), axis=1)


def _check_length(table: NumberTable, which: str, count: int, options: SeriesOptions) -> None:
    fewest, train = 10 * (options.horizon + 1), bounds(count)["train"].stop
    if count < fewest:
        raise TaskError(
            f"{table.path}: {which} has {count:,} rows; with horizon={options.horizon} a series needs at least {fewest:,}"
        )
    if options.season + options.horizon > train:
        raise TaskError(
            f"{table.path}: {which} has {train:,} rows for training, fewer than season={options.season} and "
            f"horizon={options.horizon} together"
        )


def check_times(table: NumberTable, name: str, texts: Sequence[str], rows: Sequence[int]) -> None:
    """Refuse times that do not grow from row to row of a series.

    Args:
        table: The table.
        name: The column of times.
        texts: What stands in it.
        rows: The places of the series' rows.

    Raises:
        TaskError: Names the line.
    """
    moment = _reader(texts[rows[0]])
    moments = []
    for row in rows:
        try:
            moments.append(moment(texts[row]))
        except ValueError:
            raise TaskError(
                f"{table.path}:{table.lines[row]}: {name} is {texts[row][:40]!r}; times are numbers or as 2026-03-01T12:30, "
                "all of one kind"
            ) from None
    for (row, now), (after, later) in pairwise(zip(rows, moments, strict=True)):
        if not _is_later(later, now):
            raise TaskError(
                f"{table.path}:{table.lines[after]}: {name} is {texts[after][:40]} after {texts[row][:40]} on line "
                f"{table.lines[row]}; sort the rows by it, or name the column that tells series apart: key=COLUMN"
            )


def _reader(text: str) -> Callable[[str], Any]:
    try:
        float(text)
    except ValueError:
        return datetime.fromisoformat
    return float


def _is_later(later: Any, now: Any) -> bool:
    try:
        return bool(later > now)
    except TypeError:  # with and without a zone of time
        return False
