"""How a leaderboard is printed for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.console import Console

from archsearch.actions.noise_words import noise_words
from archsearch.cell import library
from archsearch.cli.tables import Column, fits, print_table
from archsearch.cli.verdicts import verdict_sentences
from archsearch.protocol.plan import PlannedTask
from archsearch.store import Leaderboard, Placebo, Row
from archsearch.words import plain, polynomial, short_id

TITLE = 20
"""Characters of a task's name in a heading; the path of a user's file may be longer."""


def print_leaderboard(out: Console, board: Leaderboard, top: int) -> None:
    """Print rank, cell, fitness, score and ratio per task, what made it, parameters and trials.

    Where that is too wide, the scores, trials, parameters and at last the origin are left out, and a line says so.

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
    out.print(*_notes(board, shown), sep="\n")


def _table(board: Leaderboard, rows: list[Row], scores: bool) -> tuple[list[Column], list[list[str]]]:
    columns = [Column("rank", right=True), Column("cell"), Column("fitness", right=True)]
    columns += [Column("estimate", right=True)] * board.plan.in_blocks
    columns += [Column(title(task.name), right=True) for task in board.plan.tasks]
    judged = any(row.verdict is not None for row in rows)
    columns += [Column("verdict")] if judged else []
    columns += [
        Column("made by", drop=1, least=16),
        Column("parameters", right=True, drop=2),
        Column("trials", right=True, drop=3),
    ]
    unstable = _unstable(rows)
    columns += [Column("div.", right=True, drop=4)] if unstable else []
    return columns, [
        [
            "ref" if row.rank is None else str(row.rank),
            row.name or cell_name(row.id),
            ratio_text(row.fitness, 3),
            *[ratio_text(row.estimate, 3)] * board.plan.in_blocks,
            *(_result(row, task, scores) for task in board.plan.tasks),
            *([row.verdict.ruling.value if row.verdict else ""] if judged else []),
            _origin(row),
            polynomial(row.polynomial),
            str(row.trials),
            *([f"{row.judgement.diverged:.0%}"] if unstable else []),
        ]
        for row in rows
    ]


def _result(row: Row, task: PlannedTask, scores: bool) -> str:
    result = row.judgement.tasks[task.name]
    ratio = ratio_text(result.ratio, 2)
    return f"{result.score:.3f} {ratio:>5}" if scores else ratio


def ratio_text(value: float, digits: int) -> str:
    """Return a ratio of skills; one that is not above 0 is none, though it has its place among the ranks."""
    return f"{value:.{digits}f}" if value > 0 else "none"


def title(task: str) -> str:
    """Return a task's name, or the end of the file's name if the task is a user's own."""
    name = plain(task.rpartition("/")[2])
    return name if len(name) <= TITLE else name[: TITLE - 1] + "…"


def cell_name(identity: str) -> str:
    """Return what people call a cell: the library's name of it, else its short id."""
    return library.by_id().get(identity) or short_id(identity)


def operators(applied: Iterable[str]) -> str:
    """Return the names of operators, each once with its count."""
    return ", ".join(name if count == 1 else f"{name} ×{count}" for name, count in Counter(applied).items())


def _origin(row: Row) -> str:
    if not row.parent:
        kind = "published" if row.name in library.names() else "given"
        return kind if row.reference else ""
    return f"{cell_name(row.parent)} + {operators(mutation.operator for mutation in row.applied)}"


def _unstable(rows: list[Row]) -> bool:
    return any(row.judgement.diverged for row in rows)


def _notes(board: Leaderboard, shown: list[Row]) -> list[str]:
    published = board.plan.rule == "published"
    measure = "accuracy"
    for unit, name in (("nats", "nll"), ("squared error", "mse")) if not published else ():
        lower = [title(task.name) for task in board.plan.tasks if task.facts.measure == name]
        measure += f"; {unit} in {', '.join(lower)}, lower is better" if lower else ""
    kind = "score" if published else "skill"
    lines = [
        f"Per task: the best validation score ({measure}), then the ratio of its {kind} to the GRU's.",
        "Fitness is the worst task's ratio. "
        + (f"The champion, the best of the references, is {board.champion}." if board.champion else ""),
    ]
    lines += ["div.: the share of a cell's settings under which it diverged."] if _unstable(shown) else []
    if board.errors:
        errors = ", ".join(f"{title(task)} ± {error:.2g}" for task, error in board.errors.items())
        lines.append(
            f"Sampling error of a score: {errors}; less between cells, which meet the same validation."
        )
    if board.plan.in_blocks:
        lines.append("The rank is by the estimate: what is left of the fitness when noise is taken off.")
    if board.noise is not None:
        lines.append(noise_words(board.noise))
    if board.placebo is not None:
        lines.append(placebo_words(board.placebo))
    if board.noise is not None:
        lines.append(best_words(board))
    if board.verdict is not None:
        lines += verdict_sentences(board.verdict, "this run", board.control)
    lines.append(f"{board.told} steps, {board.candidates} candidates; {fates(board.fates, board.known)}.")
    return lines


def fates(counts: dict[str, int], known: int) -> str:
    """Return how steps ended, and how many draws gave a known cell."""
    words = [f"{count} {fate}" for fate, count in counts.items()]
    words += [f"{known} drawn again as known"] if known else []
    return ", ".join(words) or "nothing tried yet"


def placebo_words(placebo: Placebo) -> str:
    """Return how the clones did that were tried in a candidate's place."""
    many = "one placebo clone" if placebo.clones == 1 else f"the best of {placebo.clones} placebo clones"
    reached = "no fitness" if placebo.fitness is None else ratio_text(placebo.fitness, 2)
    return f"Tried as candidates, {many} of the GRU has {reached}."


def best_words(board: Leaderboard) -> str:
    """Return what the noise says about the best found cell."""
    mutants = [row for row in board.rows if row.rank is not None and row.parent]
    if not mutants:
        return "No mutant is scored yet."
    best = mutants[0]
    above = board.noise is not None and board.noise.worth_confirming
    verdict = "worth confirming" if above else "nothing above luck yet"
    return f"The best found cell, {cell_name(best.id)}, has {ratio_text(best.fitness, 2)}: {verdict}."
