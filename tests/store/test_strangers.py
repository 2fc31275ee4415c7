"""A stranger's database does nothing by itself: what is not made as a run's is, to the letter, is not opened."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from archsearch.errors import StoreError
from archsearch.store import RunStore, make_run
from archsearch.store import connecting as connections
from archsearch.store.schema import VERSION, expected_letters, letters
from tests.helpers.plans import run_plan
from tests.store.test_run_store import SCHEMA_1, copied

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
HUGE = "length(zeroblob(1000000000)) > 0"
SECONDS, MEBIBYTES = 2.0, 64


def execute(*statements: str) -> Callable[[sqlite3.Connection], object]:
    return lambda connection: [connection.execute(statement) for statement in statements]


def written(old: str, new: str) -> Callable[[sqlite3.Connection], object]:
    """Return a change of the statements that made the tables, where no ALTER TABLE could make it."""
    return execute(
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_schema SET sql = replace(sql, '{old}', '{new}')",
        "PRAGMA writable_schema = OFF",
    )


TRAPS: dict[str, tuple[Callable[[sqlite3.Connection], object], str]] = {
    "a trigger without an end": (
        execute(f"CREATE TRIGGER t BEFORE UPDATE ON trials BEGIN {ENDLESS}; END"),
        "has a trigger 't', which no run has",
    ),
    "a trigger that rewrites scores": (
        execute("CREATE TRIGGER t AFTER UPDATE ON trials BEGIN UPDATE trials SET score = 1; END"),
        "has a trigger 't'",
    ),
    "a view in the place of a table": (
        execute(
            "ALTER TABLE facts RENAME TO other",
            f"CREATE VIEW facts AS SELECT 'plan' name, ({ENDLESS}) value, '' seal",
        ),
        "table facts is missing",
    ),
    "a view beside the tables": (execute(f"CREATE VIEW v AS {ENDLESS}"), "has a view 'v'"),
    "a CHECK without an end": (
        written("deaths INTEGER", f"deaths INTEGER CHECK ({HUGE})"),
        "table trials is not made as that of a run",
    ),
    "a generated column": (
        execute(f"ALTER TABLE trials ADD COLUMN more AS ({HUGE})"),
        "table trials is not made as that of a run",
    ),
    "an index on an expression": (execute("CREATE INDEX i ON trials (abs(deaths))"), "has a index 'i'"),
    "one table more": (execute("CREATE TABLE notes (text TEXT)"), "has a table 'notes'"),
    "one table less": (execute("DROP TABLE steps"), "table steps is missing"),
    "other types": (written("score REAL", "score TEXT"), "table trials is not made as that of a run"),
    "tables without end": (
        lambda connection: [connection.execute(f"CREATE TABLE t{number} (x)") for number in range(3_000)],
        "interrupted",
    ),
    "a statement without end": (
        execute(f"CREATE TABLE long (x /* {'y' * 200_000} */)"),
        "malformed database schema|too big|too long",
    ),
    "a name that is no text": (
        execute(
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_schema SET name = CAST(X'ED41' AS TEXT), sql = 'CREATE ' WHERE name = 'trials'",
            "PRAGMA writable_schema = OFF",
        ),
        "malformed database schema, with a name that is no UTF-8",
    ),
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    make_run(tmp_path / "run", run_plan())
    return tmp_path / "run"


@pytest.mark.parametrize("kind", TRAPS)
def test_what_no_run_is_made_of_is_refused_at_once_and_by_name(run: Path, kind: str) -> None:
    change, message = TRAPS[kind]
    with closing(sqlite3.connect(run / "run.db", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        change(connection)
        connection.execute("COMMIT")
    for write in (False, True):
        began = time.process_time()
        with pytest.raises(StoreError, match=message) as refusal:
            RunStore.open(run, write)
        assert refusal.value.exit_code == 4
        assert time.process_time() - began < SECONDS


def test_a_value_larger_than_any_is_not_read(run: Path) -> None:
    with closing(sqlite3.connect(run / "run.db")) as connection, connection:
        connection.execute("UPDATE facts SET value = zeroblob(?)", (connections.LONGEST_VALUE + 1,))
    with pytest.raises(StoreError, match="string or blob too big"), RunStore.open(run) as store:
        assert store.facts.plan


def test_a_file_larger_than_any_run_is_not_opened(run: Path) -> None:
    with (run / "run.db").open("r+b") as file:
        file.truncate(connections.LARGEST + 1)  # a hole, which costs its sender nothing
    with pytest.raises(StoreError, match="more than any run has"):
        RunStore.open(run)


def test_what_is_read_from_memory_is_no_more_than_that_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copied(SCHEMA_1, tmp_path / "run")
    monkeypatch.setattr(connections, "LARGEST_COPY", 1000)
    with pytest.raises(StoreError, match="too many to be read from memory.*go on with it there"):
        RunStore.open(copy)
    RunStore.open(copy, write=True).close()
    RunStore.open(copy).close()


def test_pages_that_lead_in_circles_are_found_before_they_are_followed(run: Path) -> None:
    content = bytearray((run / "run.db").read_bytes())
    root = 4096  # the second page, the root of `facts`: one that has itself as its only child
    content[root : root + 12] = bytes([2, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 2])
    (run / "run.db").write_bytes(content)
    with pytest.raises(StoreError, match="2nd reference|malformed"):
        RunStore.open(run)


def test_an_upgraded_run_is_made_as_a_new_one(run: Path, tmp_path: Path) -> None:
    old = copied(SCHEMA_1, tmp_path / "old")
    for folder in (run, old):
        with RunStore.open(folder, write=True) as store:
            assert letters(store.database.connection) == expected_letters(VERSION), folder
