"""Insert an activation function on one edge.

Third of the six mutations of Jozefowicz et al. (2015).
"""

import numpy as np

from archsearch.cell import Cell, Node, SearchSpace
from archsearch.mutations.ancestry import random_choice
from archsearch.mutations.edges import edges_into, put_on_edge


def insert_activation(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` with a new activation between `node` and an operand, or None if those are all numbers.

    Other readers of that operand go on reading it, and so does `node` itself if it reads it twice.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    places = edges_into(cell, node)
    if not places:
        return None
    place, kind = random_choice(places, rng), random_choice(space.activations, rng)
    return put_on_edge(cell, node, place, kind)
