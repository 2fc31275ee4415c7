"""A control without any search: every trial goes to new settings of start cells and references, until all are used up.

A search that is no better than this one has found no cell that tuning a published one would not beat.
"""

from __future__ import annotations

from archsearch.protocol.records import Step
from archsearch.protocol.references import reference_cells, reference_stages
from archsearch.search.view import Asked, View


def tune_references(view: View) -> Asked:
    """Return the next step: a reference that no step has tried, else new settings of a random one, else nothing new."""
    references = reference_cells(view.plan).values()
    asked = {step.cell for step in view.unseen}
    tried = {cell.id: view.history.candidate(cell.id) for cell in references}
    for cell in references:
        if tried[cell.id] is None and cell.id not in asked:
            step = Step(view.number, "propose", cell.id, stages=reference_stages(view.plan, cell.id))
            return Asked(step, cell)
    left = [
        candidate
        for candidate in tried.values()
        if candidate is not None and view.has_settings_left(candidate)
    ]
    if not left:
        return Asked(Step(view.number, "nothing"))
    return view.tried_again(left[int(view.rng.integers(len(left)))])
