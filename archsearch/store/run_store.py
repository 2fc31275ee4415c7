"""One run's database: everything needed to go on with it and to replay it. Only the driver writes."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from archsearch.protocol.plan import RunPlan
from archsearch.store.connecting import connect, create
from archsearch.store.database import Database
from archsearch.store.tables import (
    CellTable,
    ClaimTable,
    FactTable,
    KeptTable,
    Standings,
    StepTable,
    TrialTable,
)

FILE = "run.db"


class RunStore:
    """The database of one run, table by table; a context manager that closes itself.

    Every method of a table that changes something, and every fact that is set, is one transaction, or part of the one that
    `database.group` makes of several. What is stored is believed if its seal holds.

    Args:
        database: The opened database.

    Attributes:
        database: The same.
        folder: The run's.
        facts: The plan, and single values that are said anew.
        cells: All cells, by id.
        steps: What was asked, and how it ended.
        standings: What follows from the told steps.
        trials: What was trained, and what is being trained.
        claims: What was claimed before the referee.
    """

    def __init__(self, database: Database) -> None:
        self.database, self.folder = database, database.path.parent
        kept = KeptTable(database)
        self.facts = FactTable(database)
        self.cells = CellTable(database)
        self.steps = StepTable(database, self.facts, self.cells)
        self.standings = Standings(database, kept, self.steps)
        self.trials = TrialTable(database, kept)
        self.claims = ClaimTable(database)

    @classmethod
    def create(cls, folder: Path, plan: RunPlan) -> RunStore:
        """Make the database of a new run in an existing folder."""
        store = cls(Database(create(folder / FILE), folder / FILE, write=True))
        try:
            store.facts.begin(plan)
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open(cls, folder: Path, write: bool = False, *, again: bool = False) -> RunStore:
        """Open the database of a run.

        Args:
            folder: The run's.
            write: Whether to write.
            again: Whether this process has opened it before, so that the file is not looked through once more.

        Raises:
            StoreError: It is missing, foreign, damaged or too new.
        """
        return cls(Database(connect(folder / FILE, write, again), folder / FILE, write))

    def close(self) -> None:
        """Close the database."""
        self.database.connection.close()

    def __enter__(self) -> RunStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
