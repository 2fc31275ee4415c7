"""The leaderboard as a section: ranks, intervals, ratios, verdicts."""

from __future__ import annotations

import math

from archsearch.actions.board_words import board_notes, cell_name, found_words, has_diverged, origin, title
from archsearch.reports.content import Section, ShownTable, Value
from archsearch.reports.material import RunMaterial
from archsearch.store import Leaderboard, Row
from archsearch.words import polynomial

NORMAL = 1.645
"""Standard deviations around an estimate in which nine of ten truths lie."""


def standing(material: RunMaterial) -> Section:
    """Return the leaderboard: the first ranks and all references, and what its columns are."""
    board = material.board
    rows = [*material.ranked, *(row for row in board.rows if row.rank is None or row.rank > material.top)]
    rows = [row for row in rows if row.reference or row in material.ranked]
    if not rows:
        words: tuple[str, ...] = (
            "No cell has a fitness yet; a run that goes on trains its references first.",
        )
        return Section("leaderboard", "Leaderboard", words)
    said = set(found_words(board))
    notes = tuple(line for line in board_notes(board, rows) if line not in said)
    notes += (_intervals(board),) if board.plan.in_blocks else ()
    return Section("leaderboard", "Leaderboard", notes, table=standing_table(board, rows))


def _intervals(board: Leaderboard) -> str:
    line = (
        f" The noise line, which a found cell has to pass, is at {board.noise.line:.2f}."
        if board.noise
        else ""
    )
    return f"Low and high: nine of ten truths lie between, if what the search believes of cells holds.{line}"


def standing_table(board: Leaderboard, rows: list[Row]) -> ShownTable:
    """Return rows of a leaderboard as a table; the best found cell among them stands out."""
    tasks, blocks, shaky = [task.name for task in board.plan.tasks], board.plan.in_blocks, has_diverged(rows)
    columns = ["rank", "cell", "fitness"]
    columns += ["estimate", "low", "high"] if blocks else []
    columns += ["above the noise line"] if board.noise else []
    columns += [part for task in tasks for part in (f"{title(task)}: score", f"{title(task)}: ratio")]
    columns += ["verdict", "pairs", "made by", "parameters", "trials"] + (["div."] if shaky else [])
    marked = [place for place, row in enumerate(rows) if row.is_found]
    return ShownTable(
        tuple(columns),
        tuple(tuple(_values(board, row, blocks, shaky)) for row in rows),
        frozenset(marked[:1]),
    )


def _values(board: Leaderboard, row: Row, blocks: bool, shaky: bool) -> list[Value]:
    """Return a row's values in the order of the columns.

    Args:
        board: The leaderboard.
        row: The row.
        blocks: Whether cells rank by an estimate.
        shaky: Whether there is a column for what diverged.
    """
    values: list[Value] = [
        "ref" if row.rank is None else row.rank,
        row.name or cell_name(row.id),
        row.fitness,
    ]
    if blocks:
        doubt = NORMAL * math.sqrt(max(0.0, row.judgement.doubt))
        values += [row.estimate, row.estimate - doubt, row.estimate + doubt]
    if board.noise is not None:
        values.append(None if row.reference else "yes" if row.fitness > board.noise.line else "no")
    for task in board.plan.tasks:
        result = row.judgement.tasks[task.name]
        values += [result.score, result.ratio]
    verdict = row.verdict
    values += [verdict.ruling.value, verdict.count] if verdict else [None, None]
    values += [origin(row) or None]
    values += [polynomial(row.polynomial), row.trials]
    return values + ([row.judgement.diverged] if shaky else [])
