"""The search of Jozefowicz et al. (2015), section 3.3: re-examine a member of the pool, or mutate one."""

from __future__ import annotations

from archsearch.mutations import propose
from archsearch.protocol.references import start_cells
from archsearch.search.view import Asked, Drawn, View, drawn


def ask(view: View) -> Asked:
    """Return the next step: with even odds a re-examination, else a mutated random member of the pool."""
    if view.rng.random() < view.plan.preset.search.reexamine and (asked := view.reexamination()):
        return asked
    members = [member.id for member in view.book.pool] or [cell.id for cell in start_cells(view.plan)]
    member = members[int(view.rng.integers(len(members)))]
    parent = view.cell(member)

    def draw() -> Drawn | None:
        return drawn(member, propose(parent, view.plan.space, view.rng, view.plan.preset.mutation.magnitude))

    return view.proposal(draw)
