"""The search of Jozefowicz et al. (2015), section 3.3: re-examine a member of the pool, or mutate one."""

from __future__ import annotations

from archsearch.mutations import propose
from archsearch.protocol.references import start_cells
from archsearch.search.view import Asked, Drawn, View


def search_pool(view: View) -> Asked:
    """Return the next step: with even odds a re-examination, else a mutated random member of the pool."""
    if view.rng.random() < view.plan.preset.search.reexamine and (asked := view.reexamination()):
        return asked
    members = [member.id for member in view.history.pool] or [cell.id for cell in start_cells(view.plan)]
    member = members[int(view.rng.integers(len(members)))]
    parent = view.cell(member)

    def draw() -> Drawn | None:
        child = propose(parent, view.plan.space, view.rng, view.plan.preset.mutation.magnitude)
        return Drawn(member, child.cell, child.applied) if child else None

    return view.proposal(draw)
