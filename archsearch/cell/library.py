"""The published cells that come with archsearch: one file each in `grammars/cells`, with its source."""

from __future__ import annotations

from functools import cache

from archsearch.cell.cell import OF_A_PATH, Cell
from archsearch.errors import CellError
from archsearch.resources import grammars
from archsearch.words import did_you_mean


@cache
def names() -> tuple[str, ...]:
    """Return the names of all library cells, sorted."""
    return tuple(sorted(path.stem for path in (grammars() / "cells").glob("*.cell")))


@cache
def load(name: str) -> Cell:
    """Return a library cell.

    Raises:
        CellError: There is no cell of that name; the message names a near one.
    """
    if name not in names():
        hint = did_you_mean(name, names())
        way = f"; a cell of a file or a run: {OF_A_PATH}" if name.endswith(".cell") or "/" in name else ""
        raise CellError(f"no library cell {name!r} ('archsearch cells' lists them{hint}){way}")
    path = grammars() / "cells" / f"{name}.cell"
    return Cell.parse(path.read_text(encoding="utf-8"), path.name)


def as_cell(cell: Cell | str) -> Cell:
    """Return the cell, or the library's cell of that name.

    Raises:
        CellError: There is no library cell of that name.
        TypeError: It is neither a cell nor a name.
    """
    if isinstance(cell, str):
        return load(cell)
    if not isinstance(cell, Cell):
        raise TypeError(f"cell should be a Cell or the name of a library cell, got: {type(cell).__name__}")
    return cell


@cache
def by_id() -> dict[str, str]:
    """Return the first name of each library cell by its id."""
    known: dict[str, str] = {}
    for name in names():
        known.setdefault(load(name).id, name)
    return known
