"""The search of Jozefowicz et al. (2015), section 3.3: re-examine a member of the pool, or mutate one."""

from __future__ import annotations

from archsearch.search.view import Asked, View


def search_pool(view: View) -> Asked:
    """Return the next step: with even odds a re-examination, else a mutated random member of the pool."""
    return view.due_reexamination() or view.child_of_random([member.id for member in view.history.pool])
