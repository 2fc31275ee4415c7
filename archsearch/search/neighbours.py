"""A control: cells one operator away from the champion, the best reference known at that step.

A search that is no better than this one has done no more than look around a published cell.
"""

from __future__ import annotations

from archsearch.mutations import neighbour
from archsearch.protocol.references import start_cells
from archsearch.search.view import Asked, Drawn, View


def look_around(view: View) -> Asked:
    """Return the next step: with even odds a re-examination, else the champion after one operator at one node."""
    if asked := view.due_reexamination():
        return asked
    champion = _champion(view)
    cell = view.cell(champion)

    def draw() -> Drawn | None:
        child = neighbour(cell, view.space, view.rng, view.mate(champion))
        return Drawn(champion, child.cell, child.applied) if child else None

    return view.proposal(draw)


def _champion(view: View) -> str:
    """Return the id of the best reference that the seen steps have tried; the first start cell while none has a fitness."""
    tried = (place.id for place in view.history.places if place.id in view.references)
    return next(tried, start_cells(view.plan)[0].id)
