"""What a CELL on the command line stands for: a library name, a .cell file, or a cell of a run by rank or id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from archsearch.cell import Cell, library
from archsearch.cell.language import MAX_BYTES
from archsearch.errors import CellError, InputError
from archsearch.store import Leaderboard, Row, RunStore, existing_run, read_leaderboard

SHORT = 9
"""Characters of an id that people are shown."""


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
        return Named(read_cell(Path(text)))
    run, slash, which = text.rpartition("/")
    if slash and run and which:
        return _of_run(run, which, runs)
    return Named(library.load(text))


def read_cell(path: Path) -> Cell:
    """Return the cell in a file.

    Raises:
        InputError: The file cannot be read, or is no cell.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    if content.startswith((b"PK\x03\x04", b"\x80\x04", b"\x80\x05", b"\x80\x02")):
        raise CellError(f"{path}: a pickle or archive; a cell is plain text, and nothing is ever unpickled")
    try:
        return Cell.parse(content.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise CellError(f"{path}: no UTF-8 text (byte {error.start}); a cell is plain text") from None


def _of_run(run: str, which: str, runs: Path) -> Named:
    folder = existing_run(run, runs)
    store = RunStore.open(folder)
    try:
        board = read_leaderboard(store, folder.name)
        if which.isdecimal():
            ranked = [row for row in board.rows if row.rank is not None]
            if not 1 <= int(which) <= len(ranked):
                raise InputError(
                    f"{run}/{which}: the leaderboard has ranks 1 to {len(ranked)}"
                    if ranked
                    else f"{run} has no ranked cell yet"
                )
            row = ranked[int(which) - 1]
            return Named(store.cell(row.id), board, row)
        if not re.fullmatch(r"c[0-9a-f]{0,32}", which):
            raise InputError(f"{run}/{which}: a rank such as {run}/1, or the beginning of an id such as {run}/c1f0")
        found = store.cells_like(which)
        if len(found) != 1:
            shown = ", ".join(identity[: len(which) + 6] for identity in found[:4])
            raise InputError(
                f"{run}/{which}: " + (f"{len(found)} cells begin so ({shown} …)" if found else "no cell begins so")
            )
        row_of = {row.id: row for row in board.rows}
        return Named(store.cell(found[0]), board, row_of.get(found[0]))
    finally:
        store.close()
