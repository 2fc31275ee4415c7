"""Replace one node by one of its ancestors.

Fifth of the six mutations of Jozefowicz et al. (2015).
"""

import numpy as np

from archsearch.cell import Cell, Node, SearchSpace
from archsearch.mutations.ancestry import ancestors, random_choice


def replace_by_ancestor(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` with all that reads `node` reading an ancestor of it, or None if it has none.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    choices = ancestors(cell, node.handle)
    return cell.redirected(node.handle, random_choice(choices, rng)) if choices else None
