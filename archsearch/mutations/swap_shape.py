"""Swap the shape of a learned map: a matrix, or a diagonal, which keeps the units apart."""

from __future__ import annotations

import numpy as np

from archsearch.cell import OPS, Cell, Node, SearchSpace
from archsearch.cell.ops import canonical_arguments
from archsearch.cell.space import Activation
from archsearch.mutations.ancestry import random_choice

SHAPES: dict[str, Activation] = {
    "dense": Activation("linear"),
    "diagonal": Activation("scale"),
}
"""Shapes of a learned map, of one op the general ones first."""


def swap_shape(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` with another shape of the map at `node`, or None if it is no map.

    Arguments that both shapes have, stay.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    own = shape_of(node)
    if own is None:
        return None
    kind = SHAPES[random_choice([name for name in SHAPES if name != own], rng)]
    kept = [
        (name, value)
        for name, value in node.args
        if name in OPS[kind.op].defaults and (name, value) not in SHAPES[own].args
    ]
    args = canonical_arguments(kind.op, dict(kept) | dict(kind.args))
    return cell.with_op(node, kind.op, args)


def shape_of(node: Node) -> str | None:
    """Return the shape of a learned map, a key of SHAPES, or None if the node is none."""
    fitting = [
        name for name, kind in SHAPES.items() if kind.op == node.op and set(kind.args) <= set(node.args)
    ]
    return fitting[-1] if fitting else None
