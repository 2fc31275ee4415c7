"""Values that follow from other tables, kept so that nobody has to go through all of these."""

from __future__ import annotations

from archsearch.store.database import Database
from archsearch.store.tables.values import ValueTable


class KeptTable(ValueTable):
    """The table `kept`. What is missing in it, or does not hold, is made anew by whoever wants it.

    Args:
        database: The run's.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database, "kept")

    def value(self, name: str) -> str | None:
        """Return a value; None if it was not kept, or does not hold."""
        value, holds = self.stored(name) or ("", False)
        return value if holds else None
