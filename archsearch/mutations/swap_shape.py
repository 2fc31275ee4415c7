"""Swap the shape of a learned map: a matrix, blocks along its diagonal, or its diagonal alone, which keeps units apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from archsearch.cell import OPS, Cell, Node, SearchSpace
from archsearch.cell.ops import Arguments, canonical_arguments
from archsearch.cell.space import Activation
from archsearch.mutations.ancestry import random_choice

HEADS = 4.0
"""Blocks of a block-diagonal map. One number for all, so that a child's width stays a multiple of as little as this."""

SHAPES: dict[str, Activation] = {
    "dense": Activation("linear"),
    "block-diagonal": Activation("linear", (("heads", HEADS),)),
    "diagonal": Activation("scale"),
}
"""Shapes of a learned map."""


def swap_shape(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` with another shape of the map at `node`, or None if it is no map.

    Arguments that both shapes have, stay, but for the number of blocks. A matrix that maps share changes for all of them,
    and never to the diagonal alone, which cannot be shared.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    own = shape_of(node)
    if own is None:
        return None
    shared = node.like is not None
    names = [name for name, kind in SHAPES.items() if name != own and not (shared and kind.op != node.op)]
    kind = SHAPES[random_choice(names, rng)]
    if shared:
        alike = [other for other in cell.ops if other.like == node.like]
        return cell.edited({other.handle: replace(other, args=_with_shape(other, kind)) for other in alike})
    return cell.with_op(node, kind.op, _with_shape(node, kind))


def _with_shape(node: Node, kind: Activation) -> Arguments:
    """Return the arguments of a map that has another shape."""
    kept = {name: value for name, value in node.args if name in OPS[kind.op].defaults and name != "heads"}
    return canonical_arguments(kind.op, kept | dict(kind.args))


def shape_of(node: Node) -> str | None:
    """Return the shape of a learned map, a key of SHAPES, or None if the node is none."""
    if node.heads > 1:
        return "block-diagonal"
    return next((name for name, kind in SHAPES.items() if kind.op == node.op), None)
