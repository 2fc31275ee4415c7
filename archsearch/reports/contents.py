"""The table of contents of a report: its sections, in the order of what a person asks."""

from __future__ import annotations

from dataclasses import dataclass

from archsearch.actions.board_words import best_words, cell_name, found_words, ratio_text
from archsearch.actions.status import span
from archsearch.actions.verdict_words import outlook, verdict_sentences
from archsearch.cell import Cell
from archsearch.reports.content import Section
from archsearch.reports.curves import curves
from archsearch.reports.family import Member, equations, family
from archsearch.reports.front import front
from archsearch.reports.importance_of_settings import Shares, importance_of_settings
from archsearch.reports.ledger_of_operators import ledger_of_operators
from archsearch.reports.long_sequences import long_sequences
from archsearch.reports.material import RunMaterial
from archsearch.reports.progress import progress
from archsearch.reports.repeating import repeating
from archsearch.reports.settings_scores import settings_scores
from archsearch.reports.standing import standing
from archsearch.store import Leaderboard, Row
from archsearch.words import polynomial

STATES = {
    "searching": "It is being searched in, so this is how things stand now.",
    "stopped": "It is stopped and may go on.",
    "finished": "It is finished.",
    "time": "It is finished: its time is used.",
    "exhausted": "It is over: the space holds nothing new any more.",
    "interrupted": "It was interrupted and may go on.",
    "merged": "It is merged of several runs and has no search of its own.",
}


@dataclass(frozen=True)
class Portrait:
    """One of the best cells, to be drawn.

    Attributes:
        row: Its place on the leaderboard.
        name: What people call it.
        facts: What is known of it, in a line.
        equations: Its equations, line by line.
        cell: The cell.
    """

    row: Row
    name: str
    facts: str
    equations: tuple[str, ...]
    cell: Cell


@dataclass(frozen=True)
class RunReport:
    """Everything that a page shows.

    Attributes:
        run: The run's name.
        state: What it is doing, and what it was asked for.
        headline: What was found, and the verdict on it.
        found: How sure that is, and what more would bring.
        command: What makes the run again.
        needs: What that command needs besides.
        pointer: How commands name the run.
        leaderboard: The first section.
        progress: The second.
        portraits: The best cells.
        family: Where they come from.
        others: The sections after that.
    """

    run: str
    state: tuple[str, ...]
    headline: tuple[str, ...]
    found: tuple[str, ...]
    command: str
    needs: tuple[str, ...]
    pointer: str
    leaderboard: Section
    progress: Section
    portraits: tuple[Portrait, ...]
    family: tuple[Member, ...]
    others: tuple[Section, ...]

    @property
    def sections(self) -> tuple[Section, ...]:
        """All that have a table or a chart."""
        return (self.leaderboard, self.progress, *self.others)


def contents(material: RunMaterial, shares: Shares | None, pointer: str) -> RunReport:
    """Return what is said of a run.

    Args:
        material: The run.
        shares: What settings explain of skill; None where that cannot be found out here.
        pointer: How a shell command names the run.
    """
    command, needs = repeating(material)
    headline = _headline(material.board)
    return RunReport(
        run=material.board.run,
        state=_state(material),
        headline=headline,
        found=tuple(line for line in _found(material, pointer) if line not in headline),
        command=command,
        needs=tuple(needs),
        pointer=pointer,
        leaderboard=standing(material),
        progress=progress(material),
        portraits=tuple(_portrait(row, material.cells[row.id]) for row in material.ranked),
        family=tuple(family(material)),
        others=(
            ledger_of_operators(material),
            curves(material),
            *long_sequences(material),
            settings_scores(material),
            importance_of_settings(shares),
            front(material),
        ),
    )


def _state(material: RunMaterial) -> tuple[str, ...]:
    plan = material.plan
    tasks = ", ".join(task.described for task in plan.tasks)
    return (
        f"Preset {plan.preset_name}, strategy {plan.strategy}, seed {material.status.seeds}; tasks {tasks}.",
        f"{span(material.status.seconds)} of search. {STATES[material.status.state]}",
    )


def _headline(board: Leaderboard) -> tuple[str, ...]:
    if not board.rows:
        return ("Nothing yet: no cell has a fitness. A run trains its references first.",)
    said = (
        verdict_sentences(board.verdict, "this run", board.control)[:1] if board.verdict is not None else []
    )
    return (best_words(board), *said)


def _found(material: RunMaterial, pointer: str) -> tuple[str, ...]:
    """Return the sentences that `evolve` ends with."""
    board = material.board
    if not board.rows:
        return ()
    words = found_words(board)
    more = outlook(board.verdict, f"archsearch confirm {pointer}") if board.verdict is not None else []
    if board.verdict is None:
        more.append(f"The referee was not asked yet; archsearch confirm {pointer} asks it, on fresh data.")
    return (*words, *more)


def _portrait(row: Row, cell: Cell) -> Portrait:
    facts = f"fitness {ratio_text(row.fitness, 3)}, {polynomial(row.polynomial)} parameters at width n, {row.trials} trials"
    facts += (
        f", {row.verdict.ruling.value} than the GRU"
        if row.verdict and row.verdict.ruling.value in _SIDES
        else ""
    )
    name = row.name or cell_name(row.id)
    return Portrait(row, name, facts, tuple(equations(cell).splitlines()), cell)


_SIDES = ("better", "worse")
