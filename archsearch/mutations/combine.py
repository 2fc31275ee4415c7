"""Replace one node by an element-wise combination of two ancestors, one its own, one of any node.

Last of the six mutations of Jozefowicz et al. (2015).
"""

from dataclasses import replace

import numpy as np

from archsearch.cell import OPS, Cell, Node, SearchSpace
from archsearch.mutations.ancestry import ancestors, random_choice


def combine(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` with `node` computing, say, the product of two ancestors, its own and a random node's.

    That node may lie downstream of `node`; its ancestors that need `node` would close a cycle and are no
    choices. None if there is no choice, or if `node` computes just that already.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    own = ancestors(cell, node.handle)
    anywhere = random_choice(sorted(other.handle for other in cell.ops), rng)
    downstream = _downstream(cell, node)
    others = [other for other in ancestors(cell, anywhere) if other not in downstream]
    if not own or not others:
        return None
    op = random_choice(space.elementwise, rng)
    inputs = (random_choice(own, rng), random_choice(others, rng))
    if OPS[op].commutative:
        inputs = (min(inputs), max(inputs))
    if (op, inputs) == (node.op, node.inputs):
        return None
    return cell.edited({node.handle: replace(node, op=op, inputs=inputs, args=())})


def _downstream(cell: Cell, node: Node) -> set[int]:
    found = {node.handle}
    for other in cell.nodes:  # operands stand before their readers
        if not found.isdisjoint(other.inputs):
            found.add(other.handle)
    return found
