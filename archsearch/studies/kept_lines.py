"""Runs of a study that have ended, kept in a file, a line of JSON each, so that an interrupted study goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from archsearch.errors import InputError
from archsearch.files import write_whole

Record = TypeVar("Record", bound=msgspec.Struct)


class Seeded(Protocol):
    """A run of a seed; each kind is a msgspec.Struct."""

    @property
    def seed(self) -> int:
        """What all its chance comes from."""


Run = TypeVar("Run", bound=Seeded)


def kept_lines(path: Path, kind: type[Record]) -> list[Record]:
    """Return the runs that a file holds; a last line that was cut short is none, and no file holds none.

    Args:
        path: The file.
        kind: What a line holds.

    Raises:
        InputError: It cannot be read, or a line is no such run.
    """
    try:
        lines = path.read_bytes().split(b"\n") if path.exists() else []
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    runs = []
    for number, line in enumerate(lines[:-1], 1):
        try:
            runs.append(msgspec.json.decode(line, type=kind))
        except msgspec.DecodeError as error:
            raise InputError(f"{path}:{number}: no run of this study: {error}; move the file away") from None
    return runs


def keep_line(path: Path, run: msgspec.Struct) -> None:
    """Add a run to a file, which is written whole.

    Raises:
        InputError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = path.read_bytes() if path.exists() else b""
        write_whole(path, whole[: whole.rfind(b"\n") + 1] + msgspec.json.encode(run) + b"\n")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None


def kept_or_made(
    path: Path,
    kind: type[Run],
    seeds: Iterable[int],
    is_same: Callable[[Run], bool],
    make: Callable[[int], Run],
) -> list[Run]:
    """Return a run for each seed: those that a file holds, and those that are made now and kept there as they end.

    Args:
        path: The file.
        kind: What a line holds, a msgspec.Struct.
        seeds: One for each run.
        is_same: Whether a run that is kept is what would be made.
        make: Makes the run of a seed.

    Raises:
        InputError: The file cannot be read or written, or a line is no such run.
    """
    kept = {run.seed: run for run in kept_lines(path, kind) if is_same(run)}  # type: ignore[type-var]
    runs = []
    for seed in seeds:
        if (run := kept.get(seed)) is None:
            run = make(seed)
            keep_line(path, run)  # type: ignore[arg-type]
        runs.append(run)
    return runs
