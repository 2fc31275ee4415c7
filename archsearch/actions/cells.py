"""What a CELL stands for: a library name, a .cell file or stream, or a cell of a run by rank or id."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archsearch.cell import Cell, library
from archsearch.cell.cell import cell_text
from archsearch.errors import InputError
from archsearch.protocol.records import Outcome, Trial
from archsearch.resources import CELL_FILE, runs_folder
from archsearch.store import Leaderboard, Row, RunStore, existing_run, read_leaderboard
from archsearch.store.run_store import FILE
from archsearch.words import SHORT, did_you_mean

RANKS = re.compile(r"(?P<run>.+)/(?P<first>[0-9]+)-(?P<last>[0-9]+)")
"""Ranks of a run in a list of cells, such as quick-1/1-20."""

STDIN, STREAM = "-", "/dev/stdin"
"""How people call standard input, and how the system does."""


@dataclass(frozen=True)
class NamedCell:
    """A cell, and where it stands on a run's leaderboard if it comes from one.

    Attributes:
        cell: The cell.
        folder: The run's folder; None for a cell of the library or a file.
        board: The run's leaderboard.
        row: The cell's row; None if it has no fitness, or is no candidate.
        trials: Its trials in the run that have ended, each with how.
    """

    cell: Cell
    folder: Path | None = None
    board: Leaderboard | None = None
    row: Row | None = None
    trials: tuple[tuple[Trial, Outcome], ...] = ()


def load_cell(name: str | os.PathLike[str], runs: str | os.PathLike[str] | None = None) -> Cell:
    """Return the cell that a name stands for, as on the command line.

    ```python
    archsearch.load_cell("gru"), archsearch.load_cell("mine.cell"), archsearch.load_cell("quick-1/3")
    ```

    Args:
        name: A library name, a `.cell` file, the folder of a trained model, `-` for standard input, `RUN/3` (the rank on
            its leaderboard) or `RUN/c1f0` (the beginning of an id).
        runs: Folder of all runs; None for ARCHSEARCH_RUNS, else "runs".

    Raises:
        InputError: Nothing of that name; the message says what there is.
    """
    return find_cell(os.fspath(name), runs_folder(runs)).cell


def load_cells(words: str, runs: Path) -> dict[str, Cell]:
    """Return the cells of a list `A,B,C` by their names; a name that another one has is followed by the word for it.

    Args:
        words: What each is called, as `load_cell` takes it; or RUN/3-20, the ranks of a run from one to another, those of
            them that there are.
        runs: Folder of all runs.

    Raises:
        InputError: Nothing of such a name.
    """
    cells: dict[str, Cell] = {}
    for word, cell in listed_cells(words, runs):
        add_named(cells, cell, f"{cell.name} ({word})")
    return cells


def listed_cells(words: str, runs: Path) -> Iterator[tuple[str, Cell]]:
    """Yield the cells of a list, each after the word for it alone: RUN/4 for one of RUN/3-20.

    Args:
        words: See `load_cells`.
        runs: Folder of all runs.

    Raises:
        InputError: Nothing of such a name.
    """
    for word in map(str.strip, words.split(",")):
        ranks = None if Path(word).exists() else RANKS.fullmatch(word)
        if ranks is None:
            yield word, load_cell(word, runs)
        else:
            run, first = ranks["run"], int(ranks["first"])
            for rank, cell in enumerate(best_cells(run, runs, int(ranks["last"]), first), first):
                yield f"{run}/{rank}", cell


def add_named(cells: dict[str, Cell], cell: Cell, otherwise: str) -> str:
    """Add a cell under its name, and return the name.

    Args:
        cells: By name; it is added to them.
        cell: The cell.
        otherwise: Its name where another cell has its own.
    """
    taken = cells.get(cell.name, cell)
    name = cell.name if taken.id == cell.id else otherwise
    cells[name] = cell
    return name


def find_cell(text: str, runs: Path) -> NamedCell:
    """Return the cell that a person means, and what a run says of it.

    Args:
        text: A library name, a `.cell` file, the folder of a model, `-` or a pipe, or a cell of a run.
        runs: Folder of all runs.

    Raises:
        InputError: Nothing of that name; the message says what there is.
    """
    if text in library.names():
        return NamedCell(library.load(text))
    if text.endswith(".cell"):
        return NamedCell(Cell.load(text))
    if text and os.path.isfile(inner := os.path.join(text, CELL_FILE)):
        return NamedCell(Cell.load(inner))
    if text == STDIN or is_stream(text):
        stream = STREAM if text == STDIN else text
        return NamedCell(Cell.parse(cell_text(Path(stream)), stream))
    run, slash, which = text.rpartition("/")
    if slash and run and which and not os.path.isfile(text) and not (Path(text) / FILE).exists():
        return cell_of_run(existing_run(run, runs), which, run)
    raise _unknown(text, runs)


def is_stream(text: str) -> bool:
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
    hint = did_you_mean(text, library.names(), ", {}")
    known = f"a library name ('archsearch cells' lists them{hint}), a .cell file, a model's folder, or RUN/1 (a rank)"
    return InputError(f"no cell {text!r}; a cell is {known}")


def cell_of_run(folder: Path, which: str, run: str) -> NamedCell:
    """Return a cell of a run, and what the leaderboard says of it.

    Args:
        folder: The run's folder.
        which: A rank, or an id or the beginning of one.
        run: What people call the run.

    Raises:
        InputError: The run has no such cell, or several.
    """
    with RunStore.open(folder) as store:
        board = read_leaderboard(store, folder.name)
        cell = _ranked(board, run, int(which)) if which.isdecimal() else _beginning_with(store, run, which)
        row = next((row for row in board.rows if row.id == cell), None)
        return NamedCell(store.cells.read(cell), folder, board, row, tuple(store.trials.of(cell)))


def best_cells(run: str, runs: Path, last: int, first: int = 1) -> list[Cell]:
    """Return the best cells of a run by rank, those that it has.

    Args:
        run: Its name or path.
        runs: Folder of all runs.
        last: The last rank.
        first: The first.

    Raises:
        InputError: There is no such run, or no cell of it has such a rank.
    """
    folder = existing_run(run, runs)
    with RunStore.open(folder) as store:
        ranked = _ranks(read_leaderboard(store, folder.name), run)
        best = [store.cells.read(ranked[rank]) for rank in range(first, last + 1) if rank in ranked]
    if not best:
        raise InputError(f"{run}/{first}-{last}: {_there_are(ranked)}")
    return best


def _ranked(board: Leaderboard, run: str, rank: int) -> str:
    ranked = _ranks(board, run)
    if rank not in ranked:
        raise InputError(f"{run}/{rank}: {_there_are(ranked)}")
    return ranked[rank]


def _ranks(board: Leaderboard, run: str) -> dict[int, str]:
    """Return the ids of a leaderboard by rank; refuse one without."""
    ranked = {row.rank: row.id for row in board.rows if row.rank is not None}
    if not ranked:
        raise InputError(f"{run} has no ranked cell yet; 'archsearch evolve --run {run}' goes on with it")
    return ranked


def _there_are(ranked: dict[int, str]) -> str:
    return f"the leaderboard has ranks 1 to {len(ranked)}"


def _beginning_with(store: RunStore, run: str, which: str) -> str:
    if not re.fullmatch(r"c[0-9a-f]{0,32}", which):
        ways = f"a rank, as in {run}/1, or the beginning of an id, {run}/c1f0"
        raise InputError(f"{run}/{which}: after the run comes {ways}")
    ids = store.cells.ids_like(which)
    if not ids:
        shows = f"'archsearch leaderboard {run}' shows the best"
        raise InputError(f"{run}/{which}: no cell of the run has such an id; {shows}")
    if len(ids) > 1:
        some = ", ".join(cell[: max(SHORT, len(which) + 4)] for cell in ids[:4])
        more = " …" if len(ids) > 4 else ""
        raise InputError(f"{run}/{which}: {len(ids)} cells begin so ({some}{more}); say more")
    return ids[0]
