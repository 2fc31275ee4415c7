"""How a leaderboard is printed for people."""

from __future__ import annotations

from rich.console import Console

from archsearch.cli.cell_argument import SHORT
from archsearch.cli.common import plain, table
from archsearch.store import Leaderboard, Noise, Row


def print_leaderboard(out: Console, board: Leaderboard, top: int) -> None:
    """Print rank, cell, fitness, score and ratio per task, parameters, trials and what made it."""
    if not board.rows:
        out.print(
            "No cell has a fitness yet: the references are not finished. Go on with: archsearch evolve --run " + board.run
        )
        return
    tasks = [course.task for course in board.plan.courses]
    columns = [("rank", "right"), ("cell", "left"), ("fitness", "right"), *((plain(task), "left") for task in tasks)]
    made = table(*columns, ("parameters", "right"), ("trials", "right"), ("made by", "left"))
    names = {row.id: row.name or row.id[:SHORT] for row in board.rows}
    for row in board.rows:
        if row.rank is None or row.rank <= top:
            rank = "ref" if row.rank is None else str(row.rank)
            results = [row.judgement.tasks[task] for task in tasks]
            cells = [f"{result.score:.4g}  [bold]{result.ratio:.2f}[/bold]" for result in results]
            made.add_row(
                rank,
                _cell(row),
                f"{row.fitness:.3f}",
                *cells,
                polynomial(row.polynomial),
                str(row.trials),
                _origin(row, names),
            )
    out.print(made)
    out.print(_footnote(board), highlight=False)


def _cell(row: Row) -> str:
    name = f" ({row.name})" if row.name else ""
    return f"{row.id[:SHORT]}{name}"


def polynomial(of: tuple[int, int]) -> str:
    """Return a parameter count such as 6n²+3n."""
    square, line = of
    parts = [f"{square}n²"] if square else []
    parts += [f"{line}n"] if line else []
    return "+".join(parts) or "0"


def _origin(row: Row, names: dict[str, str]) -> str:
    if not row.parent:
        return "published" if row.reference else ""
    operators: dict[str, int] = {}
    for one in row.applied:
        operators[one.operator] = operators.get(one.operator, 0) + 1
    words = [name if count == 1 else f"{name} ×{count}" for name, count in operators.items()]
    return f"{names.get(row.parent, row.parent[:SHORT])} + {', '.join(words)}"


def _footnote(board: Leaderboard) -> str:
    kind = "score" if board.plan.rule == "published" else "skill"
    lines = [
        f"Per task: best validation score, and in bold the ratio of its {kind} to the GRU's; fitness is the worst "
        f"task's ratio. Best reference: {board.champion or 'none yet'}.",
    ]
    if board.noise is not None:
        lines.append(f"Noise: {noise_words(board.noise)} {best_words(board)}")
    fates = ", ".join(f"{count} {fate}" for fate, count in board.fates.items())
    lines.append(f"{board.told} steps, {board.candidates} candidates ({fates}, {board.known} drawn again as known).")
    return "\n".join(lines)


def noise_words(noise: Noise) -> str:
    """Return the noise statement as a sentence."""
    return (
        f"A clone of the GRU has a fitness of {noise.low:.2f} to {noise.high:.2f} (5 to 95 %); the best of "
        f"{noise.clones} clones would reach {noise.luck:.2f} by luck."
    )


def best_words(board: Leaderboard) -> str:
    """Return what the noise says about the best found cell."""
    found = [row for row in board.rows if row.rank is not None and row.parent]
    if not found:
        return "No mutant is scored yet."
    best = found[0]
    verdict = "above luck: worth a replay" if board.noise and board.noise.finding else "not a finding yet"
    return f"The best found cell has {best.fitness:.2f}: {verdict}."
