"""What a CELL on the command line stands for: a library name, a .cell file, or a cell of a run by rank or id."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from archsearch.cell import Cell, library
from archsearch.cell.hints import nearest
from archsearch.cell.language import MAX_BYTES
from archsearch.errors import CellError, InputError
from archsearch.store import Leaderboard, Row, RunStore, existing_run, read_leaderboard
from archsearch.store.run_store import FILE

SHORT = 9
"""Characters of an id that people are shown."""

STDIN, STREAM = "-", "/dev/stdin"
"""How people call standard input, and how the system does."""


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
    if text.endswith(".cell") or text == STDIN or _is_stream(text):
        return Named(read_cell(Path(STREAM if text == STDIN else text)))
    run, slash, which = text.rpartition("/")
    if slash and run and which and not os.path.isfile(text) and not (Path(text) / FILE).exists():
        return _of_run(run, which, runs)
    raise _unknown(text, runs)


def _is_stream(text: str) -> bool:
    """Whether a text names standard input or a pipe, such as bash makes of `<(...)`."""
    try:
        return text == STREAM or stat.S_ISFIFO(os.stat(text).st_mode)
    except (OSError, ValueError):
        return False


def _unknown(text: str, runs: Path) -> InputError:
    """Return what to say of a text that is no cell."""
    bare = text.rstrip("/").removesuffix(f"/{FILE}")
    if any((folder / bare / FILE).exists() for folder in (Path(), runs) if bare):
        return InputError(f"{text!r} is a run; name one of its cells, such as {bare}/1 (its best)")
    if os.path.isfile(text):
        return InputError(f"{text!r}: the name of a file with a cell ends in .cell")
    near = nearest(text, library.names())
    hint = f", did you mean {near!r}?" if near else ""
    return InputError(
        f"no cell {text!r}; a cell is a library name ('archsearch cells' lists them{hint}), a .cell file, or RUN/1 (a rank)"
    )


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
    if len(content) > MAX_BYTES:
        raise CellError(f"{path}: more than {MAX_BYTES:,} bytes; a cell is a short text")
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
