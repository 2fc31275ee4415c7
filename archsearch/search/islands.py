"""Islands (Whitley, Rana and Heckendorn 1999, "The Island Model Genetic Algorithm"): pools that evolve apart, with guests.

What a step brings lives on the island whose turn the step is; the start cells live on all. From each migration to the next
an island has one guest, of what its neighbour had brought by then the best by the rank that all strategies use; what it
hands on is in its children. Islands are made anew from what a step sees, so they depend on nothing else. Re-examination is
that of the other strategies.
"""

from __future__ import annotations

from archsearch.protocol.references import start_cells
from archsearch.search.outside import INBOX_TURN
from archsearch.search.view import Asked, View

ISLANDS = 4
"""Around a ring."""

PERIOD = 40
"""Steps from one migration to the next, ten of each island."""


def evolve_islands(view: View) -> Asked:
    """Return the next step: with even odds a re-examination, else a mutant of a random member of the island in turn."""
    return view.due_reexamination() or view.child_of_random(members_of_island(view))


def members_of_island(view: View) -> list[str]:
    """Return the ids of the members of the island in turn: its share of the preset's pool, the best first, and the guest."""
    starts, migration = len(start_cells(view.plan)), view.number - view.number % PERIOD
    here, places = island(view.number), view.history.places
    own = [place.id for place in places if place.step < starts or island(place.step) == here]
    guests = [
        place.id
        for place in places
        if starts <= place.step < migration and island(place.step) == (here - 1) % ISLANDS
    ]
    return [*own[: max(1, view.plan.preset.search.pool // ISLANDS)], *guests[:1]]


def island(step: int) -> int:
    """Return the island whose turn a step is; each has so many in a row that the inbox takes as many from all."""
    return step // INBOX_TURN % ISLANDS
