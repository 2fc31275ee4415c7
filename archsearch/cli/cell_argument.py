"""What a CELL on the command line stands for: a library name, a .cell file, or a cell of a run by rank or id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from archsearch.cell import Cell, library
from archsearch.errors import InputError
from archsearch.store import Leaderboard, Row, RunStore, existing_run, read_leaderboard
from archsearch.store.run_store import FILE
from archsearch.words import SHORT, did_you_mean


@dataclass(frozen=True)
class Named:
    """A cell, and where it stands on a run's leaderboard if it comes from one."""

    cell: Cell
    board: Leaderboard | None = None
    row: Row | None = None


def find_cell(text: str, runs: Path) -> Named:
    """Return the cell that a person means.

    Raises:
        InputError: Nothing of that name; the message says what there is.
    """
    if text in library.names():
        return Named(library.load(text))
    if text.endswith(".cell"):
        return Named(Cell.load(text))
    run, slash, which = text.rpartition("/")
    if slash and run and which and not (Path(text) / FILE).exists():
        return _of_run(run, which, runs)
    raise _unknown(text, runs)


def _unknown(text: str, runs: Path) -> InputError:
    """Return what to say of a text that is no cell."""
    bare = text.rstrip("/")
    if any((folder / bare / FILE).exists() for folder in (Path(), runs) if bare):
        return InputError(f"{text!r} is a run; name one of its cells, such as {bare}/1 (its best)")
    if Path(text).is_file():
        return InputError(f"{text!r}: the name of a file with a cell ends in .cell")
    hint = did_you_mean(text, library.names(), ", {}")
    return InputError(
        f"no cell {text!r}; a cell is a library name ('archsearch cells' lists them{hint}), a .cell file, or RUN/1 (a rank)"
    )


def _of_run(run: str, which: str, runs: Path) -> Named:
    folder = existing_run(run, runs)
    store = RunStore.open(folder)
    try:
        board = read_leaderboard(store, folder.name)
        found = _ranked(board, run, int(which)) if which.isdecimal() else _like(store, run, which)
        row_of = {row.id: row for row in board.rows}
        return Named(store.cell(found), board, row_of.get(found))
    finally:
        store.close()


def _ranked(board: Leaderboard, run: str, rank: int) -> str:
    ranked = {row.rank: row.id for row in board.rows if row.rank is not None}
    if not ranked:
        raise InputError(f"{run} has no ranked cell yet; 'archsearch evolve --run {run}' goes on with it")
    if rank not in ranked:
        raise InputError(f"{run}/{rank}: the leaderboard has ranks 1 to {len(ranked)}")
    return ranked[rank]


def _like(store: RunStore, run: str, which: str) -> str:
    if not re.fullmatch(r"c[0-9a-f]{0,32}", which):
        raise InputError(
            f"{run}/{which}: after the run comes a rank, as in {run}/1, or the beginning of an id, {run}/c1f0"
        )
    found = store.cells_like(which)
    if not found:
        raise InputError(
            f"{run}/{which}: no cell of the run has such an id; 'archsearch leaderboard {run}' shows the best"
        )
    if len(found) > 1:
        shown = ", ".join(identity[: max(SHORT, len(which) + 4)] for identity in found[:4])
        raise InputError(
            f"{run}/{which}: {len(found)} cells begin so ({shown}{' …' if len(found) > 4 else ''}); say more"
        )
    return found[0]
