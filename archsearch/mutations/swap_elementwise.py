"""Swap the element-wise operation of one node.

Second of the six mutations of Jozefowicz et al. (2015).
"""

from dataclasses import replace

import numpy as np

from archsearch.cell import OPS, Cell, Node, SearchSpace
from archsearch.mutations.ancestry import random_choice


def swap_elementwise(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` with another element-wise operation at `node`, or None if `node` has none of the space's.

    The canonical form has forgotten in which order the operands of `+` stood, so where `-` takes its place,
    chance says which of them is subtracted.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    others = [op for op in space.elementwise if op != node.op]
    if node.op not in space.elementwise or not others:
        return None
    op = random_choice(others, rng)
    inputs = node.inputs
    if OPS[node.op].commutative and not OPS[op].commutative:
        inputs = random_choice([inputs, inputs[::-1]], rng)
    return cell.edited({node.handle: replace(node, op=op, inputs=inputs)})
