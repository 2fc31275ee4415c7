"""The opened database of a run: what is read of it, and the transactions that change it. Its tables stand on this."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from archsearch.errors import StoreError
from archsearch.store.connecting import RECOVERY, guarded


class Database:
    """One connection, which all tables of a run share.

    Args:
        connection: The opened database.
        path: Its file.
        write: Whether it may be written.

    Attributes:
        _groups: How many groups are open, one inside the other.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, write: bool = False) -> None:
        self.connection, self.path, self.write = connection, path, write
        self._groups = 0

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Make what is changed until the end one transaction, or part of the one that `group` makes of several."""
        with guarded(self.path):
            try:
                if not self.connection.in_transaction:
                    self.connection.execute("BEGIN IMMEDIATE")
                yield self.connection
                if not self._groups:
                    self._commit()
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def group(self) -> Iterator[None]:
        """Make one transaction of all changes until the end: one wait for the disk, however many they are.

        It begins with the first change, so that waiting for one holds up nobody. An error that is none of the database's
        keeps what was changed before it.
        """
        self._groups += 1
        try:
            yield
        finally:
            self._groups -= 1
            if not self._groups and self.connection.in_transaction:
                with guarded(self.path):
                    self._commit()

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Make all that is read until the end that of one moment of a run that goes on; its writer is not held up."""
        with guarded(self.path):
            self.connection.execute("BEGIN")
        try:
            yield
        finally:
            self._roll_back()

    def _commit(self) -> None:
        try:
            self.connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self.connection.in_transaction:  # a full disk has ended it already
            self.connection.execute("ROLLBACK")

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return all rows that a query finds."""
        with guarded(self.path):
            return self.connection.execute(query, values).fetchall()

    def decoded(self, text: str | bytes, type_: Any, what: str) -> Any:
        """Return what a stored text says.

        Args:
            text: JSON.
            type_: Of what it says.
            what: What people call it.

        Raises:
            StoreError: It says nothing of that type.
        """
        try:
            return msgspec.json.decode(text, type=type_)
        except (msgspec.DecodeError, TypeError, UnicodeDecodeError) as error:
            raise self.damaged(f"{what} cannot be read ({error})") from None

    def damaged(self, problem: str) -> StoreError:
        """Return the error of records that cannot be right."""
        return StoreError(f"{self.path}: {problem}; {RECOVERY}")
