"""The control: random cells, each a few mutations away from a start cell, under the same filter, gates and re-examination.

A search that is no better than this one has learned nothing from its scores.
"""

from __future__ import annotations

from archsearch.mutations import Applied
from archsearch.mutations import draw as draw_mutant
from archsearch.protocol.references import start_cells
from archsearch.search.view import Asked, Drawn, View

LONGEST = 10
"""Mutations in turn, at most."""

MUTATION_DRAWS = 10
"""Draws of one mutation until it is valid; without them long chains would hardly ever come about."""


def walk_at_random(view: View) -> Asked:
    """Return the next step: with even odds a re-examination, else a start cell after 1 to 10 mutations in turn."""
    return view.due_reexamination() or view.proposal(lambda: random_mutant(view))


def random_mutant(view: View) -> Drawn | None:
    """Return a start cell after 1 to 10 mutations in turn; None where one of them found no valid child."""
    starts, magnitude = start_cells(view.plan), view.plan.preset.mutation.magnitude
    start = starts[int(view.rng.integers(len(starts)))]
    cell, applied = start, tuple[Applied, ...]()
    for _ in range(int(view.rng.integers(1, LONGEST + 1))):
        child = draw_mutant(
            cell, view.plan.space, view.rng, magnitude, MUTATION_DRAWS, mate=view.mate(start.id)
        )
        if child is None:
            return None
        cell, applied = child.cell, applied + child.applied
    return Drawn(start.id, cell, applied)
