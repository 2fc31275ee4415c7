"""NSGA-II (Deb et al. 2002, "A Fast and Elitist Multiobjective Genetic Algorithm"), one child at a time.

Its two objectives are the fitness, as believed, and few parameters. The population is as large as the preset's pool: the
first of all scored cells by front and then by room around them. It is made anew from what a step sees, so it depends on
nothing else. Re-examination is that of the other strategies; the paper has none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archsearch.protocol.front import Objectives, fronts
from archsearch.protocol.references import start_cells
from archsearch.search.view import Asked, View


def evolve_fronts(view: View) -> Asked:
    """Return the next step: with even odds a re-examination, else a mutant of the winner of a binary tournament."""
    if asked := view.due_reexamination():
        return asked
    members = members_of_population(view) or [cell.id for cell in start_cells(view.plan)]
    winner = min(view.rng.integers(len(members), size=2))
    return view.child_of(members[int(winner)], members)


def members_of_population(view: View) -> list[str]:
    """Return the ids of the members, the first to win: by front, by room, and of equals by rank."""
    places = view.history.places
    points = [(float(view.traits(place.id).parameters), -place.loss) for place in places]
    numbers, room = np.array(fronts(points), np.int64), np.zeros(len(points))
    size = view.plan.preset.search.pool
    for number in range(np.sort(numbers)[:size].max(initial=-1) + 1):  # later fronts have no member
        front = np.flatnonzero(numbers == number)
        room[front] = crowding_distances([points[index] for index in front])
    order = np.lexsort((-room, numbers))[:size]
    return [places[int(index)].id for index in order]


def crowding_distances(points: Sequence[Objectives]) -> NDArray[np.float64]:
    """Return for each point of a front how far its neighbours are from each other, infinite at the ends.

    A share of the whole range for each objective, added up.

    Args:
        points: The front.

    Returns:
        The distances, shape (points,).
    """
    values = np.array(points, np.float64)
    found = np.zeros(len(values))
    for objective in values.T:
        order = np.argsort(objective, kind="stable")
        ordered = objective[order]
        range_ = ordered[-1] - ordered[0]
        found[order[[0, -1]]] = np.inf
        if range_ > 0:
            found[order[1:-1]] += (ordered[2:] - ordered[:-2]) / range_
    return found
