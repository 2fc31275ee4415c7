"""The cells of a run, as texts under their ids; those that were wanted of late stay in memory."""

from __future__ import annotations

import sqlite3

from archsearch.cell import Cell
from archsearch.errors import CellError
from archsearch.store.database import Database
from archsearch.words import short_id

CELLS = 1_000
"""Cells that are kept in memory: more than the pool, and the steps that are open."""


class CellTable:
    """The table `cells`.

    Args:
        database: The run's.

    Attributes:
        _known: Cells that were read or added of late, by id.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._known: dict[str, Cell] = {}

    def read(self, identity: str) -> Cell:
        """Return a cell by its id."""
        found = self._known.pop(identity, None) or self._read(identity)
        return self._remember(found, identity)

    def _remember(self, cell: Cell, identity: str) -> Cell:
        """Keep a cell in memory; the one that was wanted last goes last."""
        self._known[identity] = cell
        if len(self._known) > CELLS:
            del self._known[next(iter(self._known))]
        return cell

    def _read(self, identity: str) -> Cell:
        rows = self.database.rows("SELECT text FROM cells WHERE id = ?", identity)
        if not rows:
            raise self.database.damaged(f"cell {identity} is missing")
        try:
            cell = Cell.parse(rows[0][0], f"cell {short_id(identity)}")
            same = cell.id == identity
        except (CellError, TypeError) as error:
            raise self.database.damaged(str(error)) from None
        if not same:
            raise self.database.damaged(f"the text of cell {short_id(identity)} is another cell")
        return cell

    def add(self, cell: Cell) -> None:
        """Keep a cell's text."""
        with self.database.transaction() as connection:
            self.put(connection, cell)

    def put(self, connection: sqlite3.Connection, cell: Cell) -> None:
        """Keep a cell's text, in the transaction that is open."""
        connection.execute("INSERT OR IGNORE INTO cells VALUES (?, ?)", (cell.id, cell.text()))
        self._remember(cell, cell.id)

    def ids_like(self, prefix: str) -> list[str]:
        """Return the ids that begin with a prefix."""
        query = "SELECT id FROM cells WHERE id >= ? AND id < ? ORDER BY id"
        rows = self.database.rows(query, prefix, prefix + "\U0010ffff")
        return [identity for (identity,) in rows]
