"""A run of any size, made in seconds: a small search by the real driver, whose steps and trials are then repeated.

Each copy is another cell under an id of its own, with a parent among those before it and the operators of some mutation.
It is what a search would have left in the database, seals and all, so readers take it for a large run.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from archsearch.protocol.history import Counts, Place
from archsearch.store.run_store import FILE
from archsearch.store.seal import asked_seal, fact_seal, told_seal, trial_seal
from tests.scale.search import plan_of, searched

FIRST = 60
"""Candidates of the search that is repeated."""

OPERATORS = ("swap_activation", "insert_activation", "combine", "swap_elementwise", "remove", "replace")


@dataclass(frozen=True)
class Pattern:
    """A candidate of the small search, to be repeated.

    Attributes:
        cell: Its id.
        asked: The step that brought it, as plain values.
        verdict: How that ended, as JSON.
        fate: The same in a word.
        fitness: What is believed of it; None if it has none.
        trials: Its trials: the row without key and cell.
    """

    cell: str
    asked: dict[str, Any]
    verdict: str
    fate: str
    fitness: float | None
    trials: tuple[tuple[str, str, str, float | None, str], ...]


def grown(folder: Path, candidates: int, scored: int = 10) -> None:
    """Make a run of so many candidates.

    Args:
        folder: The run's; it must not be there.
        candidates: How many.
        scored: One of so many has a fitness; the others fail the filter.
    """
    searched(folder, FIRST, said=lambda _: None, plan=plan_of(k=1, pool=20, look_ahead=4))
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        _finish_small(connection)
        patterns = _patterns(connection)
        counts, rows = _counts(connection), _Rows()
        good = [each for each in patterns if each.fitness is not None]
        bad = [each for each in patterns if each.fate == "failed filter"]
        first = counts.told
        for number in range(first, first + candidates - counts.candidates):
            of = good if number % scored == 0 else bad
            rows.add(number, of[number % len(of)], counts)
        rows.write(connection)
        value = msgspec.json.encode(counts).decode()
        connection.execute(
            "INSERT OR REPLACE INTO kept VALUES ('counts', ?, ?)", (value, fact_seal("counts", value))
        )
        connection.execute("DELETE FROM kept WHERE name = 'trials'")
        connection.execute("COMMIT")


def _finish_small(connection: sqlite3.Connection) -> None:
    """Drop the steps that were asked and never told, as nothing may be told after them."""
    connection.execute("DELETE FROM steps WHERE verdict IS NULL")


def _counts(connection: sqlite3.Connection) -> Counts:
    ((value,),) = connection.execute("SELECT value FROM kept WHERE name = 'counts'")
    return msgspec.json.decode(value, type=Counts)


def _patterns(connection: sqlite3.Connection) -> list[Pattern]:
    fitness = dict(connection.execute("SELECT cell, fitness FROM scored").fetchall())
    found = []
    for cell, asked, verdict in connection.execute("SELECT cell, asked, verdict FROM steps ORDER BY number"):
        step, fate = json.loads(asked), json.loads(verdict)["fate"]
        if step["kind"] != "propose":
            continue
        query = (
            "SELECT record, task, state, score, outcome FROM trials WHERE cell = ? AND outcome IS NOT NULL"
        )
        trials = tuple(connection.execute(query, (cell,)).fetchall())
        found.append(Pattern(cell, step, verdict, fate, fitness.get(cell), trials))
    return found


class _Rows:
    """The rows of all copies, collected so that each table is written in one go."""

    def __init__(self) -> None:
        self.steps: list[tuple[Any, ...]] = []
        self.trials: list[tuple[Any, ...]] = []
        self.scored: list[tuple[Any, ...]] = []
        self.parents = [""]

    def add(self, number: int, pattern: Pattern, counts: Counts) -> None:
        """Add a copy of a candidate, and count it."""
        cell = f"c{sha256(str(number).encode()).hexdigest()[:32]}"
        applied = [[OPERATORS[number % len(OPERATORS)], 0, "h"]]
        if number % 7 == 0:
            applied.append([OPERATORS[number // 7 % len(OPERATORS)], 0, "z"])
        parent = self.parents[number % len(self.parents)] or pattern.asked["parent"]
        step = pattern.asked | {"number": number, "cell": cell, "parent": parent, "applied": applied}
        asked = json.dumps(step)
        seal = told_seal(asked_seal(number, cell, asked), pattern.verdict)
        self.steps.append((number, cell, asked, pattern.verdict, seal))
        for record, task, state, score, outcome in pattern.trials:
            ours = record.replace(pattern.cell, cell)
            key = sha256(ours.encode()).hexdigest()
            self.trials.append(
                (key, cell, task, ours, state, 1, score, outcome, trial_seal(key, state, score, outcome))
            )
        counts.told += 1
        counts.candidates += 1
        counts.fates[pattern.fate] = counts.fates.get(pattern.fate, 0) + 1
        if pattern.fitness is not None:
            self.parents.append(cell)
            self.scored.append((cell, number, pattern.fitness))
            counts.scored += 1
            counts.finished_first_stage += 1
            counts.check += Place(-pattern.fitness, number, cell).check

    def write(self, connection: sqlite3.Connection) -> None:
        """Write all rows, in the order of the keys of their tables."""
        connection.executemany("INSERT INTO steps VALUES (?, ?, ?, ?, ?)", self.steps)
        connection.executemany(
            "INSERT INTO trials (key, cell, task, record, state, attempt, worker, score, outcome, seal) "
            "VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
            sorted(self.trials),
        )
        connection.executemany("INSERT INTO scored VALUES (?, ?, ?)", self.scored)
