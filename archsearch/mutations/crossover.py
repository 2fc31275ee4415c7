"""Take over a part of another cell: what computes a value with the same role there.

In a search the other cell, the mate, is a random member of the pool.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from archsearch.cell import Cell, Node, SearchSpace, library
from archsearch.cell.sharing import renumbered
from archsearch.mutations.ancestry import random_choice
from archsearch.mutations.roles import role


def crossover(
    cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator, mate: Cell | None = None
) -> Cell | None:
    """Return `cell` with a part of another in place of `node`, or None if nothing there has the role of `node`.

    The part is a node of the mate with all that it is computed from within the step. It reads the cell's own x and states:
    of the same number, the last where the mate has more. Maps that share a matrix there do so here; what other parts of the
    mate share with it stays behind.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
        mate: The other cell; None for a random start cell of the space.
    """
    donor = (mate or library.load(random_choice(space.start, rng))).canonical()
    wanted = role(cell, node.handle)
    choices = [other.handle for other in donor.ops if role(donor, other.handle) == wanted]
    if not choices:
        return None
    root = random_choice(choices, rng)
    new, top = _copied(cell, donor, root)
    for handle in cell.consumers[node.handle]:
        reader = cell.node(handle)
        new[handle] = replace(reader, inputs=tuple(top if at == node.handle else at for at in reader.inputs))
    return cell.edited(new, tuple(top if target == node.handle else target for target in cell.next))


def _copied(cell: Cell, donor: Cell, root: int) -> tuple[dict[int, Node], int]:
    """Return the nodes of a part with handles that are free in the cell, and the handle of its root."""
    last = len(cell.next) - 1
    place = {donor.x.handle: cell.x.handle}
    for number, state in enumerate(donor.state_nodes):
        place[state.handle] = cell.state_nodes[min(number, last)].handle
    new: dict[int, Node] = {}
    for handle in (*donor.ancestors(root), root):
        if handle not in place:
            place[handle] = cell.fresh_handle() + len(new)
            new[place[handle]] = donor.node(handle)
    return {handle: replace(renumbered(node, place), name=None) for handle, node in new.items()}, place[root]
