"""Mutations: what makes a new cell out of an old one.

Each operator is anchored at a node and gives back a new cell, or None where it does not apply. One pass
visits some nodes of the parent and applies one operator at each; what comes out is a child if it is valid and
new. The first six operators are those of Jozefowicz et al. (2015).
"""

from archsearch.mutations.children import children, draw, mutate, neighbour, no_child, propose
from archsearch.mutations.driver import CHILD_DRAWS, MAGNITUDES, Applied, Child, check_mutations
from archsearch.mutations.operators import MUTATIONS

__all__ = [
    "CHILD_DRAWS",
    "MAGNITUDES",
    "MUTATIONS",
    "Applied",
    "Child",
    "check_mutations",
    "children",
    "draw",
    "mutate",
    "neighbour",
    "no_child",
    "propose",
]
