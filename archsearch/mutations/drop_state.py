"""Take a state away: what read it reads another."""

import numpy as np

from archsearch.cell import Cell, Node, SearchSpace
from archsearch.mutations.ancestry import random_choice
from archsearch.mutations.states import states_read, without_state


def drop_state(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` without a state that `node` reads, or None if it reads none but the first, which is the output.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    first = cell.state_nodes[0].handle
    read = sorted({node.inputs[place] for place in states_read(cell, node)} - {first})
    if not read:
        return None
    state = random_choice(read, rng)
    others = [other.handle for other in cell.state_nodes if other.handle != state]
    return without_state(cell, state, random_choice(others, rng))
