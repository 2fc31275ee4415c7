"""How a run's database is opened: within limits, known to the letter, and never trusted to do anything by itself."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from archsearch.errors import NoSpace, ReadOnly, RunLocked, StoreError
from archsearch.store.file_system import network_file_system
from archsearch.store.schema import APPLICATION, VERSION, build, schema_fault, upgrade

RECOVERY = (
    "the run is damaged: put back a copy of its folder, or see what can be saved of it with "
    "'archsearch doctor RUN' (nothing was overwritten)"
)

FULL = (
    "SQLITE_FULL",
    "SQLITE_IOERR_WRITE",
    "SQLITE_IOERR_FSYNC",
    "SQLITE_IOERR_TRUNCATE",
    "SQLITE_IOERR_SHMSIZE",
)
"""What SQLite calls a disk on which nothing more can be written."""

LONGEST_VALUE = 64 << 20
"""Bytes of one value; the largest message of a worker is not larger."""

LONGEST_STATEMENT = 64 << 10
"""Bytes of a statement, those that made the tables included."""

LARGEST = 64 << 30
"""Bytes of a database; a million trials need a tenth of it."""

CHECKED = 128 << 20
"""Bytes up to which the whole file is looked through when it is opened; of a larger one what is read is."""

LARGEST_COPY = 1 << 30
"""Bytes of a database that is read from memory: one of an older schema, or in a folder that may only be read."""

OPENING_STEPS = 5_000
"""Instructions of SQLite that reading the names of the tables may take; a run's takes some dozens."""

WAL_BYTES = 16 << 20
"""What the write-ahead log is cut back to when all of it is in the database."""


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn what SQLite says about a bad file or a full disk into an error that a person can act on."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        if name in FULL:
            raise no_space(path, str(error)) from None
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise RunLocked(f"{path} is held by another program ({error}); close that first") from None
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            raise ReadOnly(f"{path}: {error}; check the disk and the permissions of the folder") from None
        raise StoreError(f"{path}: {error}; {RECOVERY}") from None


def no_space(path: Path, problem: str) -> NoSpace:
    """Return the error of a full disk."""
    with contextlib.suppress(OSError):
        problem += f", {shutil.disk_usage(path if path.is_dir() else path.parent).free:,} bytes free"
    return NoSpace(f"{path}: {problem}; free some space and give the same command again, nothing is lost")


def connect(path: Path, write: bool, again: bool = False) -> sqlite3.Connection:
    """Open a run's database; an older one is brought to today's schema, by readers in a copy in memory.

    Args:
        path: The file.
        write: Whether to write; readers never create or change anything.
        again: Whether the file was looked through before; what is read of it holds or is damage in any case.

    Raises:
        StoreError: It is missing, no run, damaged, or newer than this version.
    """
    if not path.is_file():
        raise StoreError(f"{path} is missing; {RECOVERY}")
    if path.stat().st_size > LARGEST:
        raise StoreError(f"{path}: {path.stat().st_size:,} bytes, more than any run has; {RECOVERY}")
    with guarded(path):
        connection = reachable(path, write)
        try:
            version = check_schema(connection, path) if again else check(connection, path)
            if write:
                _prepare(connection, path, version)
            elif version < VERSION:
                connection = _upgraded_copy(connection, path, version)
        except BaseException:
            connection.close()
            raise
        return connection


def reachable(path: Path, write: bool) -> sqlite3.Connection:
    """Return a connection within limits, to a copy in memory where the folder may only be read."""
    try:
        return opened(path, "rw" if write else "ro")
    except sqlite3.OperationalError as error:
        if write or error.sqlite_errorname not in ("SQLITE_CANTOPEN", "SQLITE_READONLY_DIRECTORY"):
            raise
        return _copied(path)  # a folder that may only be read, where SQLite cannot share its memory


def opened(path: Path, mode: str) -> sqlite3.Connection:
    """Return a connection within limits, to a database of which nothing is known yet.

    Args:
        path: The file.
        mode: As in SQLite's URIs: `ro` or `rw`.
    """
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, LONGEST_STATEMENT)
        connection.text_factory = _text
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA application_id")
    except BaseException:
        connection.close()
        raise
    return connection


def _text(content: bytes) -> str:
    """Return a stored text; what is no UTF-8 is damage, and does not hold against its seal."""
    return content.decode(errors="replace")


def _memory() -> sqlite3.Connection:
    memory = sqlite3.connect(":memory:", isolation_level=None)
    memory.text_factory = _text
    return memory


def _copied(path: Path) -> sqlite3.Connection:
    """Return a copy in memory."""
    _check_copy(path)
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of_database(path, Path(folder))
        memory = _memory()
        with contextlib.closing(opened(copy, "rw")) as connection:
            connection.backup(memory)
        return memory


def copy_of_database(path: Path, folder: Path) -> Path:
    """Copy a database with its write-ahead log into a folder; return the copy."""
    for name in (path.name, f"{path.name}-wal"):
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(path.parent / name, folder / name)
    return folder / path.name


def _check_copy(path: Path) -> None:
    if (size := path.stat().st_size) > LARGEST_COPY:
        raise StoreError(
            f"{path}: {size:,} bytes, too many to be read from memory, as an older run or one in a folder that may "
            "only be read must be; copy the run to a folder of yours and go on with it there"
        )


def _upgraded_copy(connection: sqlite3.Connection, path: Path, version: int) -> sqlite3.Connection:
    _check_copy(path)
    memory = _memory()
    connection.backup(memory)
    connection.close()
    upgrade(memory, version)
    return memory


def _prepare(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Make an opened database ready to be written."""
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    if network_file_system(path.parent):
        connection.execute("PRAGMA journal_mode = DELETE")
    if version < VERSION:
        connection.execute("BEGIN IMMEDIATE")
        upgrade(connection, version)
        connection.execute("COMMIT")


def check(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of a database that is a run's and holds together.

    Raises:
        StoreError: It is no run's, newer than this version, or damaged.
    """
    version = check_schema(connection, path)
    pages, size = (connection.execute(f"PRAGMA {of}").fetchone()[0] for of in ("page_count", "page_size"))
    question = "PRAGMA quick_check(1)" if pages * size <= CHECKED else "SELECT 'ok'"
    if (problem := connection.execute(question).fetchone()[0]) != "ok":
        raise StoreError(f"{path}: {problem}; {RECOVERY}")
    return version


def check_schema(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of a database that is made as a run's is, before anything else of it is read.

    Raises:
        StoreError: It is no run's, or newer than this version.
    """
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        raise StoreError(f"{path} is no archsearch run; {RECOVERY}")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise StoreError(
            f"{path}: written by archsearch schema {version}, this version reads up to {VERSION}; upgrade archsearch"
        )
    if version < 1:
        raise StoreError(f"{path}: its schema has no version; {RECOVERY}")
    connection.set_progress_handler(lambda: 1, OPENING_STEPS)  # ends a list of names that has no end
    try:
        fault = schema_fault(connection, version)
    finally:
        connection.set_progress_handler(None, 0)
    if fault:
        raise StoreError(f"{path}: {fault}; {RECOVERY}")
    return version


def create(path: Path, make: Callable[[sqlite3.Connection], None] = build) -> sqlite3.Connection:
    """Make a new, empty database; `make` makes its tables."""
    with guarded(path):
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            journal = "DELETE" if network_file_system(path.parent) else "WAL"
            connection.execute(f"PRAGMA journal_mode = {journal}")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN")
            make(connection)
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection
