"""MAP-Elites (Mouret and Clune 2015, "Illuminating search spaces by mapping elites"): the best of every kind have children.

The archive has a niche for each kind of cell, and in it the best scored cell of that kind, by the rank that all strategies
use. It is made anew from what a step sees, so it depends on nothing else. Re-examination is that of the other strategies.
"""

from __future__ import annotations

from typing import NamedTuple

from archsearch.protocol.history import Place
from archsearch.protocol.traits import WIDTH, Traits
from archsearch.search.view import Asked, View

CLASS = 2 * WIDTH**2
"""Parameters of a layer that a class spans: two dense matrices."""


class Niche(NamedTuple):
    """A kind of cell.

    Attributes:
        size: The class of its parameters, from 0.
        states: How many states matter.
        jacobian: The form of its Jacobian.
    """

    size: int
    states: int
    jacobian: str

    @classmethod
    def of(cls, traits: Traits) -> Niche:
        """Return the niche of cells with such traits."""
        return cls(traits.parameters // CLASS, traits.states, traits.jacobian)


def illuminate(view: View) -> Asked:
    """Return the next step: with even odds a re-examination, else a mutant of the elite of a random filled niche."""
    return view.due_reexamination() or view.child_of_random([place.id for place in archive(view).values()])


def archive(view: View) -> dict[Niche, Place]:
    """Return the filled niches with their elites, the best elite first."""
    found: dict[Niche, Place] = {}
    for place in view.history.places:
        found.setdefault(Niche.of(view.traits(place.id)), place)
    return found
