"""Writes an export: checked first, then complete or not at all, and never over another file unasked."""

from __future__ import annotations

import errno
from pathlib import Path

from archsearch.cell import Cell
from archsearch.errors import ArchsearchError, InputError, NoSpace
from archsearch.exporters.formats import EXPORTERS, Exporter
from archsearch.exporters.scores import Scores
from archsearch.files import write_whole
from archsearch.words import did_you_mean


def export(
    cell: Cell, format: str, path: str | Path, *, force: bool = False, scores: Scores | None = None
) -> Path:
    """Write a cell to a file and return its path.

    A Python export is executed in a process of its own and compared with the compiled cell before the file appears.

    Args:
        cell: The cell.
        format: A key of EXPORTERS.
        path: The file to write; its folder must exist.
        force: Whether a file that is there may be replaced.
        scores: What a run found out about the cell.

    Raises:
        InputError: Unknown format, or the file cannot be written here; nothing was written.
        NoSpace: The disk is full; nothing was written.
        ArchsearchError: The exported Python does not do what the cell does; nothing was written.
    """
    row, target = _row(format), Path(path)
    try:
        _check_target(target, force, row.suffix)
        content = export_text(cell, format, scores=scores).encode()
        write_whole(_followed(target), content, lambda: _check_target(target, force, row.suffix))
    except OSError as error:
        raise _explained(target, error) from None
    return target


def export_text(cell: Cell, format: str, *, scores: Scores | None = None) -> str:
    """Return what an export would write, checked like it.

    Args:
        cell: The cell.
        format: A key of EXPORTERS.
        scores: What a run found out about the cell.

    Raises:
        InputError: Unknown format.
        ArchsearchError: The exported Python does not do what the cell does.
    """
    row = _row(format)
    text = row.render(cell, scores)
    if row.check is not None:
        row.check(cell, text)
    return text


def _row(format: str) -> Exporter:
    if format not in EXPORTERS:
        hint = did_you_mean(format, EXPORTERS)
        raise InputError(f"no export format {format!r} (formats: {', '.join(EXPORTERS)}{hint})")
    return EXPORTERS[format]


def _followed(target: Path) -> Path:
    """Return the file that a link names: the link stays, and what it leads to is written."""
    return target.resolve() if target.is_symlink() else target


def _check_target(target: Path, force: bool, suffix: str) -> None:
    if "\0" in str(target):
        raise InputError(f"{str(target)!r} is no file name")
    if not target.name or target.is_dir():
        raise InputError(f"{target} is a folder; name a file in it, such as {target / f'cell{suffix}'}")
    if not target.parent.is_dir():
        raise InputError(f"{target}: there is no folder {target.parent}; make it first")
    if not (target.exists() or target.is_symlink()):
        return
    if target.exists() and not target.is_file():
        raise InputError(f"{target} is no ordinary file; '-o -' writes to standard output")
    if not _followed(target).parent.is_dir():
        raise InputError(f"{target} leads to {_followed(target)}, whose folder is not there")
    if not force:
        raise InputError(f"{target} exists; --force overwrites it")


def _explained(target: Path, error: OSError) -> ArchsearchError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(f"{target}: {error.strerror}; nothing was written")
    return InputError(f"{target}: {error.strerror or error}; nothing was written")
