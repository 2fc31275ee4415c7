"""Read a state of one step earlier too: a skip through time.

A new state holds what another was: of `h` it makes `h + scale(s)` with `s' = h`.
"""

import numpy as np

from archsearch.cell import Cell, Node, SearchSpace
from archsearch.mutations.ancestry import random_choice
from archsearch.mutations.edges import with_operand
from archsearch.mutations.states import states_read, with_state


def delay(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` with the last value of a state added where `node` reads that state, or None if it reads none.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    places = states_read(cell, node)
    if not places:
        return None
    place = random_choice(places, rng)
    state, held = node.inputs[place], cell.fresh_handle()
    scaled = Node(held + 1, "scale", (held,))
    total = Node(held + 2, "add", (state, scaled.handle))
    reader = with_operand(node, place, total.handle)
    return with_state(cell, held, state).edited({part.handle: part for part in (scaled, total, reader)})
