"""Insert a number on one edge: `1 - v`, `2 * v`, `v + 0.5`."""

from __future__ import annotations

import numpy as np

from archsearch.cell import OPS, Cell, Node, SearchSpace
from archsearch.mutations.ancestry import random_choice
from archsearch.mutations.edges import edges_into, with_operand

NUMBERS = (0.5, 1.0, 2.0)
"""What is inserted; `perturb_constant` makes others of them."""

IDLE = {("mul", 1.0, False), ("div", 1.0, False)}
"""Forms that change nothing: `v * 1`, `v / 1`."""


def insert_constant(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` with an operand of `node` combined with a number, or None if all operands are numbers.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    places = edges_into(cell, node)
    if not places:
        return None
    place = random_choice(places, rng)
    op, value, in_front = random_choice(_forms(space), rng)
    number = Node(cell.fresh_handle(), "number", args=(("value", value),))
    operands = (number.handle, node.inputs[place]) if in_front else (node.inputs[place], number.handle)
    new = Node(number.handle + 1, op, operands)
    reader = with_operand(node, place, new.handle)
    return cell.edited({number.handle: number, new.handle: new, node.handle: reader})


def _forms(space: SearchSpace) -> list[tuple[str, float, bool]]:
    """Return the ops with a number each, and whether that stands in front; where the order does not matter it does not."""
    forms = [
        (op, value, in_front)
        for op in space.elementwise
        for value in NUMBERS
        for in_front in ((False,) if OPS[op].commutative else (False, True))
    ]
    return [form for form in forms if form not in IDLE]
