"""A run as Python sees it: its leaderboard, cells, ancestors and trials, read from its folder when they are asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from archsearch.actions.cells import cell_of_run
from archsearch.actions.export import export_cell
from archsearch.actions.lineage import read_lineage
from archsearch.actions.shown_run import shown_run
from archsearch.actions.tabular import Records
from archsearch.cell import Cell
from archsearch.protocol.records import Outcome, Trial
from archsearch.resources import runs_folder
from archsearch.store import RunStore, as_document, existing_run, read_leaderboard

FIELDS_OF_TRIAL = ("cell", "task", "seed", "init_draw", "steps")
FIELDS_OF_OUTCOME = (
    "status",
    "score",
    "accuracy",
    "nll",
    "best_step",
    "units",
    "parameters",
    "reason",
    "seconds",
)


class Run:
    """A run, finished or not; the database is opened for reading by each call and closed again.

    ```python
    run = archsearch.open_run("quick-1")
    run.leaderboard().to_pandas()
    best = run.cell(1)
    ```

    Args:
        folder: Where it lies.

    Attributes:
        folder: The same.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"archsearch.open_run({str(self.folder)!r})"

    def _repr_html_(self) -> str:
        """Return what the run is doing, what it found and its first ranks, for notebooks; its texts are shown as text."""
        return shown_run(self.folder)

    @property
    def name(self) -> str:
        """The run's name."""
        return self.folder.name

    @property
    def ended(self) -> str | None:
        """Why the search is over: "finished", "time", "exhausted" or "merged"; None while it can go on."""
        with RunStore.open(self.folder) as store:
            return store.facts.ended

    def leaderboard(self, top: int | None = None) -> Records:
        """Return the rows of the leaderboard, the best first, then the references that are no candidates.

        Args:
            top: Ranks; None for all.

        Raises:
            StoreError: The run's records cannot be read.
        """
        return Records(self.as_document(top)["rows"])

    def as_document(self, top: int | None = None) -> dict[str, Any]:
        """Return all that `archsearch leaderboard --json` prints: the rows, what they were measured by, and the noise.

        Args:
            top: Ranks; None for all.
        """
        with RunStore.open(self.folder) as store:
            return as_document(read_leaderboard(store, self.name), top)

    def cell(self, which: int | str) -> Cell:
        """Return a cell of the run.

        Args:
            which: Its rank on the leaderboard, from 1, or its id or the beginning of it.

        Raises:
            InputError: The run has no such cell, or several.
        """
        return cell_of_run(self.folder, str(which), self.name).cell

    def lineage(self, which: int | str | Cell) -> Records:
        """Return the line of parents of a cell, the youngest first: id, parent, step and mutations of each birth.

        Args:
            which: A cell of the run, its rank, or its id or the beginning of it.

        Raises:
            InputError: The run has no such cell, or several.
        """
        cell = which if isinstance(which, Cell) else self.cell(which)
        with RunStore.open(self.folder) as store:
            return Records(birth.as_dict() for birth in read_lineage(store, cell.id))

    def trials(self) -> Records:
        """Return all trials that have ended, each with its record and how it ended.

        `steps` are the training steps that were asked for, `units` the width, `seconds` the time that it took; a score is an
        accuracy, or a negative log-likelihood in nats, by the task's own measure.
        """
        with RunStore.open(self.folder) as store:
            return Records(_trial_row(trial, outcome) for trial, outcome in store.trials.ended())

    def export(
        self,
        which: int | str,
        path: str | os.PathLike[str],
        format: str | None = None,
        *,
        force: bool = False,
    ) -> Path:
        """Write a cell of the run, with its scores, and return the file's path.

        Args:
            which: Its rank, or its id or the beginning of it.
            path: The file; its folder must exist.
            format: A key of EXPORTERS; None takes it from the file's ending.
            force: Whether a file that is there may be replaced.

        Raises:
            ArchsearchError: It cannot be written; nothing was.
        """
        return export_cell(f"{self.folder.resolve()}/{which}", path, format, force=force)


def open_run(run: str | os.PathLike[str], runs: str | os.PathLike[str] | None = None) -> Run:
    """Return a run that exists.

    Args:
        run: Its name or path.
        runs: Folder of all runs; None for ARCHSEARCH_RUNS, else "runs".

    Raises:
        InputError: There is none; the message lists the runs there are.
    """
    return Run(existing_run(os.fspath(run), runs_folder(runs)))


def _trial_row(trial: Trial, outcome: Outcome) -> dict[str, Any]:
    return {
        **{field: getattr(trial, field) for field in FIELDS_OF_TRIAL},
        "setting": trial.setting.as_dict(),
        **{field: getattr(outcome, field) for field in FIELDS_OF_OUTCOME},
        "curve": msgspec.to_builtins(outcome.curve),
    }
