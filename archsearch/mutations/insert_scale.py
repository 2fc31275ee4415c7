"""Insert a learned factor for each unit on one edge: `scale`, a diagonal map."""

import numpy as np

from archsearch.cell import Cell, Node, SearchSpace
from archsearch.mutations.edges import insert_once


def insert_scale(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` with a learned factor for each unit between `node` and an operand, or None beside another `scale`.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    return insert_once(cell, node, "scale", rng)
