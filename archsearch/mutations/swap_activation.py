"""Swap the activation function of one node.

First of the six mutations of Jozefowicz et al. (2015).
"""

import numpy as np

from archsearch.cell import Cell, Node, SearchSpace
from archsearch.mutations.ancestry import random_choice


def swap_activation(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` with the activation at `node` replaced by another, or None if `node` is no activation.

    Linear maps that differ in `diag` are different activations. The new one has the space's arguments, so a
    linear map that is swapped in has its bias.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    if not space.is_activation(node):
        return None
    others = [kind for kind in space.activations if (kind.op, kind.args) != (node.op, node.args)]
    if not others:
        return None
    other = random_choice(others, rng)
    return cell.with_op(node, other.op, other.args)
