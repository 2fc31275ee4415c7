"""Reads sequences with a label each: of a table, an archive of numpy's, or a file in the .ts format of time series research.

In a table a row is a sequence of one channel, or with a column of keys a step of the sequence of that key. An archive
(.npz) holds X, shape (n, T) or (n, T, channels), y, shape (n,), and perhaps lengths, shape (n,).
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from archsearch.errors import TaskError
from archsearch.tasks.name_options import decoded, said_of
from archsearch.tasks.numbers_file import LARGEST_TABLE, file_content, read_numbers
from archsearch.tasks.series_rows import check_times
from archsearch.tasks.task import Numbers

ABOUT = {
    "target": "the column of the labels, 'label' where it is not said",
    "key": "the column that says which sequence a row is a step of; without it a row is a whole sequence",
    "time": "the column that says when, where rows are steps; it has to grow, and is not learned from",
}
LARGEST_ARCHIVE = 2**30
"""Most bytes of the arrays of an archive."""
DEFAULT = "label"


@dataclass(frozen=True, eq=False)
class LabelledFile:
    """What a file holds.

    Attributes:
        sequences: In the order of the file, each of shape (T, channels).
        labels: One for each.
        sha256: Of the file.
    """

    sequences: tuple[Numbers, ...]
    labels: tuple[str, ...]
    sha256: str


def read_labelled(path: Path, options: str) -> LabelledFile:
    """Return the labelled sequences of a file.

    Args:
        path: The file; its ending says what it is, and what is neither `.npz` nor `.ts` is a table.
        options: What the task's name says of a table's columns.

    Raises:
        TaskError: It cannot be read, is cut, or holds something else; a field is missing or no number.
    """
    said = {name: decoded(value) for name, value in said_of("labels", options, ABOUT).items()}
    kind = path.suffix.lower()
    if kind in (".npz", ".ts"):
        if said:
            raise TaskError(
                f"{path}: {next(iter(said))}= is for tables; a {kind} file says itself what its labels are"
            )
        return _archive(path) if kind == ".npz" else _ts(path)
    if "time" in said and "key" not in said:
        raise TaskError(
            f"{path}: time= is for tables whose rows are steps; say of which sequences: key=COLUMN"
        )
    return _table(path, said)


def _table(path: Path, said: dict[str, str]) -> LabelledFile:
    target = said.get("target", DEFAULT)
    apart = [said[name] for name in ("key", "time") if name in said]
    table = read_numbers(path, [target, *apart])
    sha256, labels = hashlib.sha256(table.content).hexdigest(), table.apart[0]
    if "key" not in said:
        return LabelledFile(tuple(row[:, None] for row in table.rows), labels, sha256)
    places: dict[str, list[int]] = {}
    for place, key in enumerate(table.apart[1]):
        places.setdefault(key, []).append(place)
    for key, rows in places.items():
        if other := next((row for row in rows if labels[row] != labels[rows[0]]), None):
            raise TaskError(
                f"{path}:{table.lines[other]}: {target} is {labels[other][:40]!r}, and {labels[rows[0]][:40]!r} on line "
                f"{table.lines[rows[0]]} of the same sequence, {said['key']} {key[:40]!r}; a sequence has one label"
            )
        if "time" in said:
            check_times(table, said["time"], table.apart[2], rows)
    return LabelledFile(
        tuple(table.rows[rows] for rows in places.values()),
        tuple(labels[rows[0]] for rows in places.values()),
        sha256,
    )


def _archive(path: Path) -> LabelledFile:
    content = file_content(path, LARGEST_TABLE, "labels:FILE")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > LARGEST_ARCHIVE:
            raise ValueError(
                f"its arrays say that they have {size:,} bytes, at most {LARGEST_ARCHIVE:,} are read"
            )
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in ("X", "y", "lengths") if name in arrays.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise TaskError(f"{path} is no archive of plain arrays, or was cut: {error}") from None
    if not {"X", "y"} <= set(found):
        raise TaskError(
            f"{path} needs arrays X, shape (sequences, steps) or (sequences, steps, channels), and y, their labels"
        )
    x, y = found["X"], found["y"]
    lengths = found.get("lengths", np.full(len(x), x.shape[1] if x.ndim > 1 else 0))
    is_whole = x.dtype.kind in "fiub" and x.ndim in (2, 3) and y.shape == lengths.shape == (len(x),)
    if not is_whole or y.dtype.kind not in "iubUS" or lengths.dtype.kind not in "iu":
        raise TaskError(
            f"{path}: X has shape {x.shape} of {x.dtype}, y {y.shape} of {y.dtype}, lengths {lengths.shape} of "
            f"{lengths.dtype}; numbers of shape (n, T) or (n, T, channels), whole numbers or texts (n,), and whole numbers "
            "(n,) are needed"
        )
    if len(lengths) and not 1 <= lengths.min() <= lengths.max() <= x.shape[1]:
        raise TaskError(
            f"{path}: lengths go from {lengths.min()} to {lengths.max()}; X has {x.shape[1]} steps"
        )
    wide = x.reshape(*x.shape[:2], -1).astype(np.float64)
    sequences = tuple(row[:length] for row, length in zip(wide, lengths, strict=True))
    for number, sequence in enumerate(sequences):
        if not np.isfinite(sequence).all():
            step, channel = np.argwhere(~np.isfinite(sequence))[0]
            raise TaskError(
                f"{path}: X[{number}, {step}, {channel}] is {sequence[step, channel]}; fill gaps, or leave it out"
            )
    labels = tuple(
        text.decode(errors="replace") if isinstance(text, bytes) else str(text) for text in y.tolist()
    )
    return LabelledFile(sequences, labels, hashlib.sha256(content).hexdigest())


def _ts(path: Path) -> LabelledFile:
    content = file_content(path, LARGEST_TABLE, "labels:FILE")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise TaskError(f"{path} is not UTF-8 text (byte {error.start:,})") from None
    sequences: list[Numbers] = []
    labels: list[str] = []
    is_data = False
    for number, line in enumerate(map(str.strip, lines), 1):
        words = line.lower().split()
        if not words or line.startswith("#"):
            continue
        if is_data:
            *channels, label = line.split(":")
            sequences.append(_steps(f"{path}:{number}", channels, len(sequences[0][0]) if sequences else 0))
            labels.append(label.strip())
        elif words[0] == "@data":
            is_data = True
        elif words[:2] in (["@timestamps", "true"], ["@classlabel", "false"]):
            raise TaskError(
                f"{path}:{number}: '{line[:40]}': sequences without times and with labels are read"
            )
    if not is_data:
        raise TaskError(f"{path} has no line @data, so it is no .ts file, or was cut")
    return LabelledFile(tuple(sequences), tuple(labels), hashlib.sha256(content).hexdigest())


def _steps(where: str, channels: Sequence[str], expected: int) -> Numbers:
    """Return a sequence of a .ts file, shape (T, channels).

    Args:
        where: The file and the line.
        channels: The numbers of each.
        expected: How many channels there are; 0 where that is not known yet.
    """
    if not channels or expected not in (0, len(channels)):
        raise TaskError(
            f"{where}: {len(channels)} channels before the label, and the first has {expected or 'some'}"
        )
    columns = []
    for channel, text in enumerate(channels, 1):
        column = []
        for step, field in enumerate(text.split(","), 1):
            try:
                column.append(float(field))
            except ValueError:
                _refuse(where, channel, step, field)
            if not np.isfinite(column[-1]):
                _refuse(where, channel, step, field)
        columns.append(column)
    if len(set(map(len, columns))) > 1:
        raise TaskError(
            f"{where}: channels of {min(map(len, columns))} to {max(map(len, columns))} steps; all need as many"
        )
    return np.array(columns).T


def _refuse(where: str, channel: int, step: int, field: str) -> NoReturn:
    """Refuse a field of a .ts file.

    Args:
        where: The file and the line.
        channel: From 1.
        step: From 1.
        field: What stands there.
    """
    raise TaskError(
        f"{where}: step {step} of channel {channel} is {field.strip()[:40]!r}; a sequence has no gaps: fill them, or "
        "leave it out"
    )
