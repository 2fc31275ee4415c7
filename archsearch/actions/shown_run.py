"""A run as a notebook shows it: what it is doing, what it found, and the first ranks of its leaderboard."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from archsearch.actions.board_words import cell_name, found_words, origin_of_row, title
from archsearch.actions.status import status_lines, status_of
from archsearch.actions.tabular import Records
from archsearch.errors import ArchsearchError
from archsearch.store import Leaderboard, Lock, Row, RunStore, read_leaderboard
from archsearch.words import plain

TOP = 10
"""Ranks that are shown."""


def shown_run(folder: Path) -> str:
    """Return a run as HTML; where it cannot be read, why."""
    try:
        with RunStore.open(folder) as store:
            board = read_leaderboard(store, folder.name)
            status = status_of(store, folder, board, Lock(folder).holder or "")
    except ArchsearchError as error:
        return f"{_as_text('h4', folder.name)}{_as_text('p', str(error))}"
    lines = Records({"": heading, " ": text} for heading, text in status_lines(status).items())
    rows = Records(_compact(board, row) for row in board.rows if row.rank is not None and row.rank <= TOP)
    said = "".join(_as_text("p", line) for line in (found_words(board) if board.rows else ()))
    ranks = rows._repr_html_() if rows else ""
    return f"{_as_text('h4', folder.name)}{lines._repr_html_()}{said}{ranks}"


def _compact(board: Leaderboard, row: Row) -> dict[str, Any]:
    """Return of a row what fits beside the text of a notebook."""
    return {
        "rank": row.rank,
        "cell": row.name or cell_name(row.id),
        "fitness": row.fitness,
        "estimate": row.estimate,
        **{title(task): result.ratio for task, result in row.judgement.tasks.items()},
        "verdict": row.verdict.ruling.value if row.verdict else None,
        "made by": origin_of_row(row),
    }


def _as_text(tag: str, text: str) -> str:
    return f"<{tag}>{html.escape(plain(text))}</{tag}>"
