"""A table of single values under their names, each with its seal."""

from __future__ import annotations

import sqlite3

from archsearch.store.database import Database
from archsearch.store.seal import fact_seal


class ValueTable:
    """What the tables `facts` and `kept` have in common.

    Args:
        database: The run's.
        table: Which of the two.
    """

    def __init__(self, database: Database, table: str) -> None:
        self.database, self.table = database, table

    def put(self, connection: sqlite3.Connection, name: str, value: str) -> None:
        """Store a value with its seal, in the transaction that is open.

        Args:
            connection: To the database.
            name: Of the value.
            value: The value as text.
        """
        row = (name, value, fact_seal(name, value))
        connection.execute(f"INSERT OR REPLACE INTO {self.table} (name, value, seal) VALUES (?, ?, ?)", row)

    def drop(self, connection: sqlite3.Connection, name: str) -> None:
        """Drop a value, in the transaction that is open."""
        connection.execute(f"DELETE FROM {self.table} WHERE name = ?", (name,))

    def stored(self, name: str) -> tuple[str, bool] | None:
        """Return a value, and whether its seal holds; None if it is not stored."""
        rows = self.database.rows(f"SELECT value, seal FROM {self.table} WHERE name = ?", name)
        return (str(rows[0][0]), rows[0][1] == fact_seal(name, rows[0][0])) if rows else None
