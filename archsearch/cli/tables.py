"""Tables for people: as wide as there is room, with columns left out or cut on purpose and never folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from archsearch.words import plain

GAP = "  "

WORD, HEADING = 6, 5
"""Where no column may go, texts are cut to this width, and then headings of numbers; a number is never cut: it goes."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        title: Its heading.
        right: Whether it holds numbers, which are aligned to the right and never cut.
        drop: Where there is no room for all, the highest goes first; 0 never goes.
        least: Its text may be cut to this width, an ellipsis at its end; None if it is never cut.
    """

    title: str
    right: bool = False
    drop: int = 0
    least: int | None = None


def fits(out: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether a whole table has room, nothing left out.

    Args:
        out: Where it would be printed.
        columns: The columns.
        rows: Their texts, row by row.
    """
    return _least(columns, _widths(columns, rows), range(len(columns))) <= out.width


def print_table(
    out: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]], left_out: Sequence[str] = ()
) -> list[str]:
    """Print a table, and under it what had no room; return the titles of the columns among that.

    Args:
        out: Where it is printed.
        columns: The columns.
        rows: Their texts, row by row.
        left_out: What the caller has left out already.
    """
    rows = [[plain(text) for text in row] for row in rows]
    widths, kept = _widths(columns, rows), list(range(len(columns)))
    while _least(columns, widths, kept) > out.width and any(columns[index].drop for index in kept):
        kept.remove(max(kept, key=lambda index: columns[index].drop))
    for index in kept:
        column = columns[index]
        if column.least is not None:
            spare = out.width - _total(widths, kept) + widths[index]
            widths[index] = max(min(widths[index], spare), min(widths[index], column.least))
    floors = [
        _floor(column, [row[index] for row in rows], widths[index]) for index, column in enumerate(columns)
    ]
    while _total(floors, kept) > out.width and (numbers := [index for index in kept if columns[index].right]):
        kept.remove(numbers[-1])
    _squeeze(widths, kept, out.width, floors)
    _squeeze(widths, kept, out.width, [2] * len(columns))
    out.print(
        Text(_line(columns, widths, kept, [plain(column.title) for column in columns]), style="bold"),
        soft_wrap=True,
    )
    for row in rows:
        out.print(Text(_line(columns, widths, kept, row)), soft_wrap=True)
    missing = [*left_out, *(column.title for index, column in enumerate(columns) if index not in kept)]
    if missing:
        out.print(f"No room here for: {', '.join(missing)}; --json has everything.")
    return missing


def number_text(value: float | None, form: str = ".3f") -> str:
    """Return a figure in a format, a dash where there is none."""
    return "-" if value is None else format(value, form)


def _floor(column: Column, texts: Sequence[str], width: int) -> int:
    """Return the width down to which a column is cut before another one goes.

    Args:
        column: The column.
        texts: What it holds.
        width: What it has now.
    """
    if not column.right:
        return min(width, WORD)
    return max([min(width, HEADING), *map(cell_len, texts)])


def _squeeze(widths: list[int], kept: Sequence[int], room: int, floors: Sequence[int]) -> None:
    """Cut the widest columns until the table has room, or none is above its floor.

    Args:
        widths: Of all columns; those of the kept ones change.
        kept: Which columns are shown.
        room: How wide the table may be.
        floors: Of all columns.
    """
    while _total(widths, kept) > room and (
        wide := [index for index in kept if widths[index] > floors[index]]
    ):
        widths[max(wide, key=lambda index: widths[index])] -= 1


def _total(widths: Sequence[int], kept: Sequence[int]) -> int:
    """Return the width of a table of some of its columns."""
    return sum(widths[index] for index in kept) + len(GAP) * (len(kept) - 1)


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    return [
        max(cell_len(text) for text in (column.title, *(row[i] for row in rows)))
        for i, column in enumerate(columns)
    ]


def _least(columns: Sequence[Column], widths: Sequence[int], kept: Sequence[int]) -> int:
    """Return the width that the kept columns need at least."""
    needed = [widths[i] if (least := columns[i].least) is None else min(widths[i], least) for i in kept]
    return _total(needed, range(len(needed)))


def _line(columns: Sequence[Column], widths: Sequence[int], kept: Sequence[int], row: Sequence[str]) -> str:
    parts = []
    for index in kept:
        text, width = row[index], widths[index]
        if cell_len(text) > width:
            text = set_cell_size(text, width - 1) + "…"
        padding = " " * (width - cell_len(text))
        parts.append(padding + text if columns[index].right else text + padding)
    return GAP.join(parts).rstrip()
