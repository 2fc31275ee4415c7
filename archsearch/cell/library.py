"""The published cells that come with archsearch: one file each in `grammars/cells`, with its source."""

from __future__ import annotations

from functools import cache

from archsearch.cell.cell import Cell
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
        raise CellError(f"no library cell {name!r} ('archsearch cells' lists them{hint})")
    path = grammars() / "cells" / f"{name}.cell"
    return Cell.parse(path.read_text(encoding="utf-8"), path.name)


@cache
def by_id() -> dict[str, str]:
    """Return the first name of each library cell by its id."""
    known: dict[str, str] = {}
    for name in names():
        known.setdefault(load(name).id, name)
    return known
