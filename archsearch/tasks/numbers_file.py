"""Reads a table of numbers from a text file: rows are lines, columns stand between commas, semicolons, tabs or blanks.

The first line may name the columns. There are no gaps: every field is a finite number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archsearch.errors import TaskError
from archsearch.tasks.task import Numbers

LARGEST_TABLE = 2**28
"""Most bytes of a file."""
MOST_COLUMNS = 1_000
SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True, eq=False)
class NumberTable:
    """What a file holds."""

    content: bytes
    """Its bytes."""
    titles: tuple[str, ...]
    """What errors call the columns: `column 2`, or `column 2 ('load')` where a first line names them."""
    rows: Numbers
    """Shape (rows, columns)."""


def read_numbers(path: Path) -> NumberTable:
    """Return the table that a file holds.

    Raises:
        TaskError: It cannot be read or is too large, or a field is missing, no number, or not finite.
    """
    content = _content(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaskError(f"{path} is not UTF-8 text (byte {error.start:,}), so no table of numbers") from None
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise TaskError(f"{path} is empty; a series is a table of numbers, a row a step")
    separator = _separator(lines[-1][1])
    first = _fields(lines[0][1], separator)
    if len(first) > MOST_COLUMNS:
        raise TaskError(f"{path} has {len(first):,} columns; a series has at most {MOST_COLUMNS:,}")
    titles = tuple(f"column {number}" for number in range(1, len(first) + 1))
    if all(field and _number(field) is None for field in first) and len(lines) > 1:
        titles = tuple(f"{title} ({field!r})" for title, field in zip(titles, first, strict=True))
        lines = lines[1:]
    try:
        with np.errstate(all="ignore"):
            rows = np.loadtxt(
                [line for _, line in lines], delimiter=separator, ndmin=2, comments=None, quotechar='"'
            )
    except ValueError:
        rows = np.empty((0, 0))
    if rows.shape != (len(lines), len(titles)) or not np.isfinite(rows).all():
        raise _fault(path, lines, separator, titles)
    return NumberTable(content, titles, rows)


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if not path.is_file() and not path.is_dir():
            raise TaskError(f"{path} is no regular file")
        if size > LARGEST_TABLE:
            raise TaskError(
                f"{path} has {size:,} bytes; a series takes at most {LARGEST_TABLE:,}: fewer rows, or digits"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise TaskError(f"{path}: no such file; a series is written series:FILE.csv") from None
    except (OSError, ValueError) as error:
        raise TaskError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from None


def _separator(line: str) -> str | None:
    """Return what stands between the columns of a line; None for blanks."""
    likeliest = max(SEPARATORS, key=line.count)
    return None if likeliest not in line and len(line.split()) > 1 else likeliest


def _fields(line: str, separator: str | None) -> list[str]:
    return [field.strip().strip('"').strip() for field in line.split(separator)]


def _number(field: str) -> float | None:
    try:
        return float(field)
    except ValueError:
        return None


def _fault(
    path: Path, lines: list[tuple[int, str]], separator: str | None, titles: tuple[str, ...]
) -> TaskError:
    """Return the error about the first field that is none of a table of numbers.

    Args:
        path: The file.
        lines: Its lines with their numbers, without that of the titles.
        separator: What stands between columns; None for blanks.
        titles: Of the columns.
    """
    for number, line in lines:
        fields = _fields(line, separator)
        if len(fields) != len(titles):
            return TaskError(f"{path}:{number}: {len(fields)} fields, and the first line has {len(titles)}")
        for title, field in zip(titles, fields, strict=True):
            value = _number(field)
            if not field:
                return TaskError(
                    f"{path}:{number}: {title} is missing; a series has no gaps: fill them, or cut these rows"
                )
            if value is None:
                return TaskError(
                    f"{path}:{number}: {title} is {field[:40]!r}, which is no number; keep the columns of numbers alone"
                )
            if not math.isfinite(value):
                return TaskError(
                    f"{path}:{number}: {title} is {field[:40]}; a series has no gaps: fill them, or cut these rows"
                )
    return TaskError(f"{path}: no table of numbers, with {separator or 'blanks'!r} between columns")
