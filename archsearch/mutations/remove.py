"""Remove one node.

Fourth of the six mutations of Jozefowicz et al. (2015).
"""

import numpy as np

from archsearch.cell import Cell, Node, SearchSpace


def remove(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` without `node`, or None unless one edge leads into it and one out of it.

    A state that takes its next value from `node` reads it, too.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    readers = len(cell.consumers[node.handle]) + cell.next.count(node.handle)
    if len(node.inputs) != 1 or readers != 1:
        return None
    return cell.redirected(node.handle, node.inputs[0])
