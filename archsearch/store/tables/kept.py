"""Values that follow from other tables, kept so that nobody has to go through all of these."""

from __future__ import annotations

import sqlite3

from archsearch.store.database import Database
from archsearch.store.seal import fact_seal


class KeptTable:
    """The table `kept`. What is missing in it, or does not hold, is made anew by whoever wants it.

    Args:
        database: The run's.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def value(self, name: str) -> str | None:
        """Return a value; None if it was not kept, or does not hold."""
        rows = self.database.rows("SELECT value, seal FROM kept WHERE name = ?", name)
        return str(rows[0][0]) if rows and rows[0][1] == fact_seal(name, rows[0][0]) else None

    def put(self, connection: sqlite3.Connection, name: str, value: str) -> None:
        """Keep a value with its seal, in the transaction that is open.

        Args:
            connection: To the database.
            name: Of the value.
            value: The value as text.
        """
        row = (name, value, fact_seal(name, value))
        connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", row)

    def drop(self, connection: sqlite3.Connection, name: str) -> None:
        """Drop a value that may no longer be true, in the transaction that is open."""
        connection.execute("DELETE FROM kept WHERE name = ?", (name,))
