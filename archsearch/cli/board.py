"""How a leaderboard is printed for people."""

from __future__ import annotations

from rich.console import Console

from archsearch.actions.board_words import (
    board_notes,
    cell_name,
    has_diverged,
    origin_of_row,
    ratio_text,
    read_out_text,
    read_out_titles,
    title,
)
from archsearch.cli.tables import Column, fits, print_table
from archsearch.protocol.plan import PlannedTask
from archsearch.store import Leaderboard, Row
from archsearch.words import polynomial


def print_leaderboard(out: Console, board: Leaderboard, top: int) -> None:
    """Print rank, cell, fitness, score and ratio per task, what made it, parameters and trials.

    Where that is too wide, scores, long sequences, trials, parameters and at last the origin go, and a line says so.

    Args:
        out: Where it is printed.
        board: The leaderboard.
        top: Ranks; the references are printed all.
    """
    if not board.rows:
        out.print("No cell has a fitness yet; a run that goes on trains its references first.")
        return
    shown = [row for row in board.rows if row.reference or row.rank is None or row.rank <= top]
    full, brief = (_table(board, shown, scores) for scores in (True, False))
    if fits(out, *full):
        print_table(out, *full)
    else:
        print_table(out, *brief, left_out=["scores"])
    out.print(*board_notes(board, shown), sep="\n")


def _table(board: Leaderboard, rows: list[Row], scores: bool) -> tuple[list[Column], list[list[str]]]:
    columns = [Column("rank", right=True), Column("cell"), Column("fitness", right=True)]
    columns += [Column("estimate", right=True)] * board.plan.in_blocks
    columns += [Column(title(task.name), right=True) for task in board.plan.tasks]
    lengths = read_out_titles(rows)
    columns += [Column(heading, right=True, drop=4) for heading in lengths.values()]
    judged = any(row.verdict is not None for row in rows)
    columns += [Column("verdict")] if judged else []
    columns += [
        Column("made by", drop=1, least=16),
        Column("parameters", right=True, drop=2),
        Column("trials", right=True, drop=3),
    ]
    shaky = has_diverged(rows)
    columns += [Column("div.", right=True, drop=4)] if shaky else []
    return columns, [
        [
            "ref" if row.rank is None else str(row.rank),
            row.name or cell_name(row.id),
            ratio_text(row.fitness, 3),
            *[ratio_text(row.estimate, 3)] * board.plan.in_blocks,
            *(_result(row, task, scores) for task in board.plan.tasks),
            *(read_out_text(row.read_outs.get(task, ())) for task in lengths),
            *([row.verdict.ruling.value if row.verdict else ""] if judged else []),
            origin_of_row(row),
            polynomial(row.polynomial),
            str(row.trials),
            *([f"{row.judgement.diverged:.0%}"] if shaky else []),
        ]
        for row in rows
    ]


def _result(row: Row, task: PlannedTask, scores: bool) -> str:
    result = row.judgement.tasks[task.name]
    ratio = ratio_text(result.ratio, 2)
    return f"{result.score:.3f} {ratio:>5}" if scores else ratio
