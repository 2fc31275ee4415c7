"""Insert an activation function on one edge.

Third of the six mutations of Jozefowicz et al. (2015).
"""

from dataclasses import replace

import numpy as np

from archsearch.cell import Cell, Node, SearchSpace
from archsearch.mutations.ancestry import random_choice


def insert_activation(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` with a new activation between `node` and an operand, or None if those are all numbers.

    Other readers of that operand go on reading it, and so does `node` itself if it reads it twice.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    places = [place for place, source in enumerate(node.inputs) if cell.node(source).op != "number"]
    if not places:
        return None
    place, kind = random_choice(places, rng), random_choice(space.activations, rng)
    new = Node(cell.fresh_handle(), kind.op, (node.inputs[place],), kind.args)
    inputs = (*node.inputs[:place], new.handle, *node.inputs[place + 1 :])
    return cell.edited({new.handle: new, node.handle: replace(node, inputs=inputs)})
