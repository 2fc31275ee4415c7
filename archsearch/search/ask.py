"""Asks one step of a search: a pure function of the plan, the steps it sees, and the assignments of the others.

Cells that somebody brings from outside are the one exception; such a step is what it was stored as.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from archsearch.cell import Cell
from archsearch.protocol.history import History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Step
from archsearch.protocol.references import placebo_step, reference_cells, reference_step, start_cells
from archsearch.protocol.seeds import generator
from archsearch.protocol.traits import Traits
from archsearch.search.alike import Tried
from archsearch.search.outside import INBOX_TURN, NOBODY, Outside
from archsearch.search.strategies import STRATEGIES
from archsearch.search.view import Asked, View


def sees(plan: RunPlan, number: int) -> int:
    """Return how many steps, from the first, must be told before step `number` can be asked.

    docs/architecture.md, "3. Search".
    """
    starts = len(start_cells(plan))
    return 0 if number < starts else max(starts, number - plan.preset.search.look_ahead + 1)


def is_placebo(plan: RunPlan, place: int) -> bool:
    """Return whether a step tries a clone of the GRU: evenly spaced, the first after half of their distance.

    Args:
        plan: The run's plan.
        place: Of the step among those after the start cells, from 0.
    """
    share = plan.preset.search.placebo
    return math.floor((place + 1) * share + 0.5) > math.floor(place * share + 0.5)


def takes_proposal(plan: RunPlan, place: int) -> bool:
    """Return whether a step may try a cell of the inbox.

    Args:
        plan: The run's plan.
        place: Of the step among those after the start cells, from 0.
    """
    return place % INBOX_TURN == INBOX_TURN - 1 and not is_placebo(plan, place)


def ask(
    plan: RunPlan,
    number: int,
    history: History,
    unseen: Sequence[Step],
    cell: Callable[[str], Cell],
    *,
    outside: Outside = NOBODY,
    tried: Tried | None = None,
    traits: dict[str, Traits] | None = None,
) -> Asked:
    """Return step `number`.

    Args:
        plan: The run's plan.
        number: k.
        history: Told exactly `sees(plan, k)` steps, unless k is a start cell's.
        unseen: The asked steps that the history was not told.
        cell: Returns a cell of the run by its id.
        outside: Who else brings cells; what they brought is in the step, so that nobody has to bring it again.
        tried: What the cells of all earlier steps compute; None where nobody asks.
        traits: Size and form of the cells that were looked at before, by id, which grows; None for none.

    Raises:
        Thinking: The program outside that the strategy asks has not answered yet.
    """
    starts = start_cells(plan)
    if number < len(starts):
        return Asked(reference_step(plan, starts[number].id, number), starts[number])
    assert history.told == sees(plan, number), "a step is asked from exactly the steps it sees"
    place = number - len(starts)
    if is_placebo(plan, place):
        return Asked(placebo_step(plan, number))
    references = frozenset(reference.id for reference in reference_cells(plan).values())
    view = View(
        plan=plan,
        number=number,
        history=history,
        unseen=tuple(unseen),
        cell=cell,
        references=references,
        rng=generator(plan.seed, "step", number),
        program=outside.program,
        tried=tried,
        known_traits={} if traits is None else traits,
    )
    if outside.inbox is not None and takes_proposal(plan, place) and (asked := outside.inbox(view)):
        return asked
    return STRATEGIES[plan.strategy](view)
