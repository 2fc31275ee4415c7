"""Writes an export: checked first, then complete or not at all, and never over another file unasked."""

from __future__ import annotations

import errno
from pathlib import Path

from archsearch.cell import Cell
from archsearch.compiler.parameters import check_width
from archsearch.errors import ArchsearchError, InputError, NoSpace
from archsearch.exporters.formats import EXPORTERS, Exporter
from archsearch.exporters.model import SizedModel
from archsearch.exporters.scores import Scores
from archsearch.files import write_whole
from archsearch.words import did_you_mean


def export(
    cell: Cell,
    format: str,
    path: str | Path,
    *,
    force: bool = False,
    scores: Scores | None = None,
    model: SizedModel | None = None,
    weights: Path | None = None,
    kernels: bool = False,
) -> Path:
    """Write a cell to a file and return its path.

    What can be executed is run by what it is for, and compared with the layer, before the file appears.

    Args:
        cell: The cell.
        format: A key of EXPORTERS.
        path: The file to write; its folder must exist.
        force: Whether a file that is there may be replaced.
        scores: What a run found out about the cell.
        model: The sizes, and the weights; None for the format's own.
        weights: The file that the model's weights are from.
        kernels: Whether it uses compiled kernels, which are not written here.

    Raises:
        InputError: Unknown format, sizes or kernels for one without, or the file cannot be written; nothing was written.
        NoSpace: The disk is full; nothing was written.
        ArchsearchError: What was exported does not do what the cell does; nothing was written.
    """
    row, target = _row(format), Path(path)
    try:
        _check_target(target, force, row.suffix)
        content = export_bytes(cell, format, scores=scores, model=model, weights=weights, kernels=kernels)
        write_whole(_followed(target), content, lambda: _check_target(target, force, row.suffix))
    except OSError as error:
        raise _explained(target, error) from None
    return target


def export_bytes(
    cell: Cell,
    format: str,
    *,
    scores: Scores | None = None,
    model: SizedModel | None = None,
    weights: Path | None = None,
    kernels: bool = False,
) -> bytes:
    """Return what an export would write, checked like it; texts in UTF-8.

    Args:
        cell: The cell.
        format: A key of EXPORTERS.
        scores: What a run found out about the cell.
        model: The sizes, and the weights; None for the format's own.
        weights: The file that the model's weights are from.
        kernels: Whether it uses compiled kernels.

    Raises:
        InputError: Unknown format, or sizes or kernels for a format without.
        ArchsearchError: What was exported does not do what the cell does.
    """
    row = _row(format)
    if kernels:
        if row.kernels is None:
            raise InputError(f"compiled kernels go with --format python, not {format}")
        row = row.kernels
    if model is not None and not row.sized:
        sized = "|".join(name for name, each in EXPORTERS.items() if each.sized)
        raise InputError(f"sizes go with --format {sized}; {format} fits every size")
    whole = model or SizedModel()
    if row.sized:
        check_width(cell, whole.hidden_size)
        content = row.render(cell, scores, whole)
    else:
        content = row.render(cell, scores)
    if row.check is not None:
        row.check(cell, content, whole, weights)
    return content if isinstance(content, bytes) else content.encode()


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
