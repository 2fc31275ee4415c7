"""What is said of a leaderboard in words, the same wherever it is shown: names, ratios, and the sentences under it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from archsearch.actions.merged_words import parts_words
from archsearch.actions.noise_words import noise_words
from archsearch.actions.verdict_words import verdict_sentences
from archsearch.cell import library
from archsearch.protocol.history import Candidate
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Proposer, ReadOut, Step
from archsearch.store import Leaderboard, Placebo, Row
from archsearch.tasks.measures import MEASURES
from archsearch.words import plain, short_id

TITLE = 20
"""Characters of a task's name in a heading; the path of a user's file may be longer."""

PROPOSED: dict[Proposer, str] = {"": "", "inbox": "proposed", "program": "asked for"}
"""How people are told who has brought a cell that is no mutant."""


def ratio_text(value: float, digits: int) -> str:
    """Return a ratio of skills; one that is not above 0 is none, though it has its place among the ranks."""
    return f"{value:.{digits}f}" if value > 0 else "none"


def read_out_title(task: str, read_outs: Sequence[ReadOut]) -> str:
    """Return the heading of what cells do on the shortest and the longest sequences that are read out.

    Args:
        task: What people call the task.
        read_outs: Of one cell there.
    """
    return f"{title(task)} at {read_outs[0].length:,}, {read_outs[-1].length:,}"


def read_out_text(read_outs: Sequence[ReadOut]) -> str:
    """Return the accuracy on the shortest and the longest sequences that are read out; nothing where there are none."""
    return f"{read_outs[0].accuracy:.2f}, {read_outs[-1].accuracy:.2f}" if read_outs else ""


def read_out_titles(rows: Iterable[Row]) -> dict[str, str]:
    """Return the heading for each task on which some row has read-outs."""
    return {task: read_out_title(task, read) for row in rows for task, read in row.read_outs.items()}


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


def origin(cell: Row | Step | Candidate) -> str:
    """Return what made a cell: its parent and the operators, or somebody's proposal; nothing of published cells."""
    if cell.parent:
        return f"{cell_name(cell.parent)} + {operators(mutation.operator for mutation in cell.applied)}"
    return PROPOSED[cell.proposer]


def origin_of_row(row: Row) -> str:
    """Return what made a cell of a leaderboard: as `origin`, and of a reference whether it is published or was given."""
    if row.reference and not row.parent:
        return "published" if row.name in library.names() else "given"
    return origin(row)


def has_diverged(rows: list[Row]) -> bool:
    """Return whether some cell of a table diverged under a setting."""
    return any(row.judgement.diverged for row in rows)


def _units(plan: RunPlan) -> str:
    """Return what scores are: accuracies, and the units of losses with the tasks that have them."""
    tasks: dict[str, list[str]] = {row.unit: [] for row in MEASURES.values()}
    for task in plan.tasks:
        tasks[MEASURES[plan.measure(task.name)].unit].append(title(task.name))
    accuracy, *losses = tasks
    lower = [f"{unit} in {', '.join(tasks[unit])}, lower is better" for unit in losses if tasks[unit]]
    return "; ".join((accuracy, *lower))


def board_notes(board: Leaderboard, shown: list[Row]) -> list[str]:
    """Return the sentences under a leaderboard: what its columns are, the noise, what was found, and the verdict.

    `evolve` ends with them; the last ones are those of `found_words`.
    """
    published = board.plan.rule == "published"
    kind = "score" if published else "skill"
    lines = [
        f"Per task: the best validation score ({_units(board.plan)}), then the ratio of its {kind} to the GRU's.",
        "Fitness is the worst task's ratio. "
        + (f"The champion, the best of the references, is {board.champion}." if board.champion else ""),
    ]
    lines += ["div.: the share of a cell's settings under which it diverged."] if has_diverged(shown) else []
    if board.errors:
        errors = ", ".join(f"{title(task)} ± {error:.2g}" for task, error in board.errors.items())
        lines.append(
            f"Sampling error of a score: {errors}; less between cells, which meet the same validation."
        )
    if lengths := read_out_titles(shown):
        lines.append(f"{'; '.join(lengths.values())} steps: accuracy of the best trial on sequences so long.")
    if board.plan.in_blocks:
        lines.append("The rank is by the estimate: what is left of the fitness when noise is taken off.")
    return lines + found_words(board)


def found_words(board: Leaderboard) -> list[str]:
    """Return what was found and how sure that is: noise, best found cell, the referee's verdict, and what was tried."""
    lines = [f"Merged of {parts_words(board.merged)}."] if board.merged else []
    if board.noise is not None:
        lines.append(noise_words(board.noise))
    if board.placebo is not None:
        lines.append(placebo_words(board.placebo))
    if board.noise is not None:
        lines.append(best_words(board))
    if board.verdict is not None:
        lines += verdict_sentences(board.verdict, "this run", board.control)
    lines.append(
        f"{board.told} steps, {board.candidates} candidates; {fates(board.fates, board.known, board.alike)}."
    )
    return lines


def fates(counts: dict[str, int], known: int, alike: int) -> str:
    """Return how steps ended, how many draws gave a known cell, and how many of these one known by its outputs alone.

    Args:
        counts: How many steps ended in each way.
        known: Draws that gave a known cell.
        alike: How many of them are known by their outputs alone.
    """
    words = [f"{count} {fate}" for fate, count in counts.items()]
    words += (
        [f"{known} drawn again as known" + (f" ({alike} by their outputs)" if alike else "")] if known else []
    )
    return ", ".join(words) or "nothing tried yet"


def placebo_words(placebo: Placebo) -> str:
    """Return how the clones did that were tried in a candidate's place."""
    many = "one placebo clone" if placebo.clones == 1 else f"the best of {placebo.clones} placebo clones"
    reached = "no fitness" if placebo.fitness is None else ratio_text(placebo.fitness, 2)
    return f"Tried as candidates, {many} of the GRU has {reached}."


def best_words(board: Leaderboard) -> str:
    """Return what the noise says about the best found cell."""
    mutants = [row for row in board.rows if row.is_found]
    if not mutants:
        return "No found cell is scored yet."
    best = mutants[0]
    above = board.noise is not None and board.noise.worth_confirming
    verdict = "worth confirming" if above else "nothing above luck yet"
    return f"The best found cell, {cell_name(best.id)}, has {ratio_text(best.fitness, 2)}: {verdict}."
