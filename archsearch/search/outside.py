"""Cells from outside a search: what one has to be, and the step that tries it.

Who brings a cell decides nothing but the graph: filter, gates, settings and data are those of every other candidate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from archsearch.cell import Cell, regrouped
from archsearch.errors import CellError
from archsearch.mutations.validity import fault
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Proposer
from archsearch.search.program import OutsideProgram, Reception
from archsearch.search.view import Asked, Drawn, View, no_candidate
from archsearch.words import short_id

INBOX_TURN = 2
"""Every so many steps may try a cell of the inbox, so that however many wait there, the strategy has half of the steps."""


class Outside(NamedTuple):
    """Where cells come from but from the search itself.

    Attributes:
        inbox: Returns the step that tries a cell of the inbox, None while nothing waits there that a step could try.
        program: The program that the strategy `external` asks.
    """

    inbox: Callable[[View], Asked | None] | None = None
    program: OutsideProgram | None = None


NOBODY = Outside()


def as_candidate(cell: Cell, plan: RunPlan) -> Cell:
    """Return a cell from outside as a run would count it, under the name that children have.

    Raises:
        CellError: It is none that the run could try; the message says why.
    """
    live = (regrouped(cell) if plan.preset.search.regroup else cell).canonical()
    live = live.renamed(short_id(live.id), note=())
    if problem := fault(live, plan.space) or no_candidate(live, plan):
        raise CellError(problem)
    return live


def receive(
    view: View, text: str, proposer: Proposer, *, known: int = 0, invalid: int = 0
) -> tuple[Reception, Asked | None]:
    """Return what a step does with the text of a cell from outside, and the step as it tries it if it does.

    Args:
        view: What the step sees.
        text: The cell's text.
        proposer: Who has brought it.
        known: Cells for the same step that were known.
        invalid: Cells for it that were refused.
    """
    try:
        cell = as_candidate(Cell.parse(text, "cell"), view.plan)
    except CellError as error:
        return Reception("refused", reason=str(error)), None
    step = view.trying(Drawn("", cell, ()), known, invalid)
    if step is None:
        return Reception("known", cell.id), None
    brought = "" if cell.id in view.references else proposer  # who names a reference has found nothing
    return Reception("new", cell.id), Asked(replace(step, proposer=brought), cell)
