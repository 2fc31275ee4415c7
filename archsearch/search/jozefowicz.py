"""The search of Jozefowicz et al. (2015), section 3.3: re-examine a member of the pool, or mutate one."""

from __future__ import annotations

from archsearch.protocol.references import start_cells
from archsearch.search.view import Asked, View


def search_pool(view: View) -> Asked:
    """Return the next step: with even odds a re-examination, else a mutated random member of the pool."""
    if asked := view.due_reexamination():
        return asked
    members = [member.id for member in view.history.pool] or [cell.id for cell in start_cells(view.plan)]
    return view.child_of(members[int(view.rng.integers(len(members)))], members)
