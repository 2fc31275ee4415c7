"""Tables for people: as wide as there is room, with columns left out or cut on purpose and never folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from archsearch.words import plain

GAP = "  "


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        title: Its heading.
        right: Whether it is aligned to the right.
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
            spare = out.width - sum(widths[i] for i in kept if i != index) - len(GAP) * (len(kept) - 1)
            widths[index] = max(min(widths[index], spare), min(widths[index], column.least))
    _squeeze(widths, kept, out.width)
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


def _squeeze(widths: list[int], kept: Sequence[int], room: int) -> None:
    """Cut the widest columns until the table has room, or no column has more than a letter and an ellipsis."""
    while sum(widths[i] for i in kept) + len(GAP) * (len(kept) - 1) > room:
        widest = max(kept, key=lambda index: widths[index])
        if widths[widest] <= 2:
            return
        widths[widest] -= 1


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    return [
        max(cell_len(text) for text in (column.title, *(row[i] for row in rows)))
        for i, column in enumerate(columns)
    ]


def _least(columns: Sequence[Column], widths: Sequence[int], kept: Sequence[int]) -> int:
    """Return the width that the kept columns need at least."""
    needed = [widths[i] if (least := columns[i].least) is None else min(widths[i], least) for i in kept]
    return sum(needed) + len(GAP) * (len(kept) - 1)


def _line(columns: Sequence[Column], widths: Sequence[int], kept: Sequence[int], row: Sequence[str]) -> str:
    parts = []
    for index in kept:
        text, width = row[index], widths[index]
        if cell_len(text) > width:
            text = set_cell_size(text, width - 1) + "…"
        padding = " " * (width - cell_len(text))
        parts.append(padding + text if columns[index].right else text + padding)
    return GAP.join(parts).rstrip()
