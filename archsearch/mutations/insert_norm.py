"""Insert a normalisation on one edge: `norm`, after Zhang and Sennrich (2019), "Root Mean Square Layer Normalization"."""

import numpy as np

from archsearch.cell import Cell, Node, SearchSpace
from archsearch.mutations.edges import insert_once


def insert_norm(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` with an operand of `node` divided by its root mean square, or None beside another `norm`.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    return insert_once(cell, node, "norm", rng)
