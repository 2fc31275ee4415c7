"""The control: random cells, each a few mutations away from a start cell, under the same filter, gates and re-examination.

A search that is no better than this one has learned nothing from its scores.
"""

from __future__ import annotations

from archsearch.mutations import draw as mutant
from archsearch.protocol.records import Applied
from archsearch.protocol.references import start_cells
from archsearch.search.view import Asked, Drawn, View, drawn

LONGEST = 10
"""Mutations in turn, at most."""

REDRAWS = 10
"""Draws of one mutation until it is valid; without them long chains would hardly ever come about."""


def ask(view: View) -> Asked:
    """Return the next step: with even odds a re-examination, else a start cell after 1 to 10 mutations in turn."""
    if view.rng.random() < view.plan.preset.search.reexamine and (asked := view.reexamination()):
        return asked
    starts, magnitude = start_cells(view.plan), view.plan.preset.mutation.magnitude

    def draw() -> Drawn | None:
        start = starts[int(view.rng.integers(len(starts)))]
        cell, applied = start, tuple[Applied, ...]()
        for _ in range(int(view.rng.integers(1, LONGEST + 1))):
            step = drawn(start.id, mutant(cell, view.plan.space, view.rng, magnitude, REDRAWS))
            if step is None:
                return None
            cell, applied = step.cell, applied + step.applied
        return Drawn(start.id, cell, applied)

    return view.proposal(draw)
