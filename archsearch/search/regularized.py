"""Regularized evolution (Real et al. 2019, "Regularized Evolution for Image Classifier Architecture Search", algorithm 1).

The population is the youngest cells with a fitness, so the oldest dies with each that comes; the best of a random sample
has the next child. Its size is that of the preset's pool. Re-examination is that of the other strategies; the paper has
none.
"""

from __future__ import annotations

from heapq import nlargest

from archsearch.protocol.history import Place
from archsearch.protocol.references import start_cells
from archsearch.search.view import Asked, View

SHARE = 0.25
"""Size of a sample as a share of the population's: 25 of 100 in the paper."""


def evolve_youngest(view: View) -> Asked:
    """Return the next step: with even odds a re-examination, else a mutant of the winner of a tournament."""
    if asked := view.due_reexamination():
        return asked
    population = nlargest(view.plan.preset.search.pool, view.history.places, key=lambda place: place.step)
    return view.child_of(_winner(view, population), [place.id for place in population])


def _winner(view: View, population: list[Place]) -> str:
    """Return the id of the best of a sample, drawn with replacement, of the population."""
    if not population:
        starts = start_cells(view.plan)
        return starts[int(view.rng.integers(len(starts)))].id
    size = view.plan.preset.search.pool
    sample = view.rng.integers(len(population), size=max(2, round(SHARE * size)))
    return min(population[int(index)] for index in sample).id
