"""Reads a table of numbers from a text file: rows are lines, columns stand between commas, semicolons, tabs or blanks.

The first line may name the columns. There are no gaps: every field is a finite number, but in columns that are set apart.
A Parquet file is read as the CSV file that says the same.
"""

from __future__ import annotations

import csv
import math
import shlex
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archsearch.errors import TaskError
from archsearch.tasks.parquet import MAGIC, is_parquet, parquet_as_csv
from archsearch.tasks.task import Numbers
from archsearch.words import did_you_mean

LARGEST_TABLE = 2**28
"""Most bytes of a file."""
MOST_COLUMNS = 1_000
SEPARATORS = (",", ";", "\t")

OTHERS = {MAGIC: "read_parquet", b"PK\x03\x04": "read_excel", b"ARROW1": "read_feather"}
"""How files of other kinds begin -> what pandas reads them with."""


@dataclass(frozen=True, eq=False)
class NumberTable:
    """What a file holds."""

    path: Path
    """Where it lies."""
    content: bytes
    """Its bytes."""
    names: tuple[str, ...]
    """Of the columns of numbers: as a first line has them, else 1, 2, 3 …"""
    titles: tuple[str, ...]
    """What errors call these: `column 2`, or `column 2 ('load')`."""
    rows: Numbers
    """Shape (rows, columns of numbers)."""
    apart: tuple[tuple[str, ...], ...]
    """The texts of each column that was set apart, in the order in which these were named."""
    lines: tuple[int, ...]
    """The number of each row's line in the file."""

    def column(self, said: str) -> int:
        """Return the place of a column of numbers.

        Raises:
            TaskError: There is none of that name or number.
        """
        return _column(self.path, self.names, said)


def read_numbers(path: Path, apart: Sequence[str] = ()) -> NumberTable:
    """Return the table that a file holds.

    Args:
        path: The file.
        apart: Columns that need not be numbers, each by its name or, where a first line names none, its number.

    Raises:
        TaskError: It cannot be read or is too large, a field is missing, no number, or not finite, or there is no such
        column.
    """
    content = file_content(path, LARGEST_TABLE, "series:FILE.csv or labels:FILE.csv")
    text = parquet_as_csv(path, content, LARGEST_TABLE) if is_parquet(content) else _text(path, content)
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise TaskError(f"{path} is empty; a series is a table of numbers, a row a step")
    separator = _separator(lines[-1][1])
    first = _fields(lines[0][1], separator)
    if len(first) > MOST_COLUMNS:
        raise TaskError(f"{path} has {len(first):,} columns; a series has at most {MOST_COLUMNS:,}")
    names = tuple(map(str, range(1, len(first) + 1)))
    titles = tuple(f"column {number}" for number in names)
    if all(field and _number(field) is None for field in first) and len(lines) > 1:
        names, lines = tuple(first), lines[1:]
        titles = tuple(f"{title} ({name!r})" for title, name in zip(titles, names, strict=True))
    aside = [_column(path, names, said) for said in apart]
    kept = [place for place in range(len(names)) if place not in aside]
    if not kept:
        raise TaskError(f"{path} has no column of numbers besides {' and '.join(apart)}")
    texts = _texts(lines, separator) if aside else []
    try:
        with np.errstate(all="ignore"):
            rows = np.loadtxt(
                [line for _, line in lines],
                delimiter=separator,
                ndmin=2,
                comments=None,
                quotechar='"',
                usecols=kept if aside else None,
            )
    except ValueError:
        rows = np.empty((0, 0))
    is_whole = all(len(fields) == len(names) and all(fields[place] for place in aside) for fields in texts)
    if not is_whole or rows.shape != (len(lines), len(kept)) or not np.isfinite(rows).all():
        raise _fault(path, lines, separator, titles, aside)
    return NumberTable(
        path=path,
        content=content,
        names=tuple(names[place] for place in kept),
        titles=tuple(titles[place] for place in kept),
        rows=rows,
        apart=tuple(tuple(fields[place] for fields in texts) for place in aside),
        lines=tuple(number for number, _ in lines),
    )


def _text(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaskError(
            f"{path} is not UTF-8 text (byte {error.start:,}), so no table of numbers{_way_out(path, content)}"
        ) from None


def _way_out(path: Path, content: bytes) -> str:
    """Return how a file of another kind becomes a table; nothing for an unknown one."""
    for beginning, reader in OTHERS.items():
        if content.startswith(beginning):
            table = str(path.with_suffix(".csv"))
            program = f"import pandas; pandas.{reader}({str(path)!r}).to_csv({table!r}, index=False)"
            read = "pip install archsearch[data] reads it as it is, or " if beginning == MAGIC else ""
            return f"; {read}pandas makes one of it: python -c {shlex.quote(program)}"
    return ""


def _column(path: Path, names: Sequence[str], said: str) -> int:
    """Return the place of a column."""
    if names.count(said) == 1:
        return names.index(said)
    if said in names:
        raise TaskError(f"{path} has {names.count(said)} columns named {said!r}; give them different names")
    known = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
    raise TaskError(f"{path} has no column {said!r}{did_you_mean(said, names, ' ({})')}; there are {known}")


def _texts(lines: Sequence[tuple[int, str]], separator: str | None) -> list[list[str]]:
    """Return the fields of all lines; marks of quotation may stand around one that holds the separator."""
    if separator is None:
        return [_fields(line, separator) for _, line in lines]
    rows = csv.reader((line for _, line in lines), delimiter=separator, skipinitialspace=True)
    return [[field.strip() for field in row] for row in rows]


def file_content(path: Path, most: int, written: str) -> bytes:
    """Return the bytes of a user's file of numbers.

    Args:
        path: The file.
        most: Bytes that it may have.
        written: How its task is written, for people.

    Raises:
        TaskError: It is not there, cannot be read, or is too large.
    """
    try:
        size = path.stat().st_size
        if not path.is_file() and not path.is_dir():
            raise TaskError(f"{path} is no regular file")
        if size > most:
            raise TaskError(
                f"{path} has {size:,} bytes; a series takes at most {most:,}: fewer rows, or digits"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise TaskError(f"{path}: no such file; a task on numbers is written {written}") from None
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
    path: Path,
    lines: Sequence[tuple[int, str]],
    separator: str | None,
    titles: Sequence[str],
    aside: Container[int],
) -> TaskError:
    """Return the error about the first field that is none of a table of numbers.

    Args:
        path: The file.
        lines: Its lines with their numbers, without that of the titles.
        separator: What stands between columns; None for blanks.
        titles: Of all columns.
        aside: The places of columns that need not be numbers.
    """
    for (number, _), fields in zip(lines, _texts(lines, separator), strict=False):
        where = f"{path}:{number}: "
        if len(fields) != len(titles):
            return TaskError(f"{where}{len(fields)} fields, and the first line has {len(titles)}")
        for place, (title, field) in enumerate(zip(titles, fields, strict=True)):
            if not field:
                return TaskError(
                    f"{where}{title} is missing; a series has no gaps: fill them, or cut these rows"
                )
            value = 0.0 if place in aside else _number(field)
            if value is None:
                return TaskError(
                    f"{where}{title} is {field[:40]!r}, which is no number; keep the columns of numbers alone, or set it "
                    "apart: series:FILE?time=COLUMN, or key=COLUMN"
                )
            if not math.isfinite(value):
                return TaskError(
                    f"{where}{title} is {field[:40]}; a series has no gaps: fill them, or cut these rows"
                )
    return TaskError(f"{path}: no table of numbers, with {separator or 'blanks'!r} between columns")
