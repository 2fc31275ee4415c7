"""Change a number a little."""

import numpy as np

from archsearch.cell import Cell, Node, SearchSpace
from archsearch.mutations.ancestry import random_choice
from archsearch.mutations.edges import with_operand

SPREAD = 0.3
"""Standard deviation of the logarithm of the factor."""

DIGITS = 2
"""Of the new number, so that texts of cells stay readable."""


def perturb_constant(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` with a number that `node` reads times a random factor, or None if it reads none, or that stays.

    Other readers of the number keep it, and so does the sign of the number; 0 stays 0, so `0 - v` stays what it is.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    places = [place for place, source in enumerate(node.inputs) if cell.node(source).op == "number"]
    if not places:
        return None
    place = random_choice(places, rng)
    old = cell.node(node.inputs[place]).value
    value = float(f"{old * np.exp(SPREAD * rng.standard_normal()):.{DIGITS}g}")
    if value == old:
        return None
    number = Node(cell.fresh_handle(), "number", args=(("value", value),))
    return cell.edited({number.handle: number, node.handle: with_operand(node, place, number.handle)})
