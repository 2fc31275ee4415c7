"""Mutations: what makes a new cell out of an old one.

Each operator is anchored at a node and gives back a new cell, or None where it does not apply. One pass
visits some nodes of the parent and applies one operator at each; what comes out is a child if it is valid and
new. The six operators are those of Jozefowicz et al. (2015).
"""

import difflib

import numpy as np

from archsearch.cell import Cell, SearchSpace, library, load_space
from archsearch.errors import CellError, InputError
from archsearch.mutations.combine import combine
from archsearch.mutations.driver import DRAWS, MAGNITUDES, Applied, Child, Operator, draw_once
from archsearch.mutations.insert_activation import insert_activation
from archsearch.mutations.remove import remove
from archsearch.mutations.replace_by_ancestor import replace_by_ancestor
from archsearch.mutations.swap_activation import swap_activation
from archsearch.mutations.swap_elementwise import swap_elementwise

__all__ = ["DRAWS", "MAGNITUDES", "MUTATIONS", "Applied", "Child", "draw", "mutate", "propose"]

MUTATIONS: dict[str, Operator] = {
    "swap_activation": swap_activation,
    "swap_elementwise": swap_elementwise,
    "insert_activation": insert_activation,
    "remove": remove,
    "replace_by_ancestor": replace_by_ancestor,
    "combine": combine,
}


def propose(
    cell: Cell, space: SearchSpace, rng: np.random.Generator, magnitude: str = "per_node"
) -> Child | None:
    """Return a child from one draw, or None if the draw came to nothing new or nothing valid.

    Args:
        cell: The parent.
        space: Its operators, ops and limits.
        rng: Where all chance comes from; cells with one id have, from one state of it, children with one id.
        magnitude: `per_node` or `count`, a key of MAGNITUDES.

    Raises:
        CellError: The parent is too symmetric for an id.
        SpaceError: The space names an operator that does not exist.
    """
    return draw_once(cell, MUTATIONS, space, rng, magnitude)


def draw(
    cell: Cell, space: SearchSpace, rng: np.random.Generator, magnitude: str = "per_node", draws: int = DRAWS
) -> Child | None:
    """Return the first child that `propose` finds in so many draws, or None: no valid child."""
    proposals = (propose(cell, space, rng, magnitude) for _ in range(draws))
    return next((child for child in proposals if child), None)


def mutate(
    cell: Cell | str,
    space: str | SearchSpace = "jozefowicz2015",
    seed: int = 0,
    magnitude: str = "per_node",
) -> tuple[Cell, tuple[Applied, ...]]:
    """Return a child of a cell and which operators were applied where.

    ```python
    child, applied = archsearch.mutate("gru", seed=3)
    ```

    Args:
        cell: The parent, or the name of a library cell.
        space: A space, its name, or a TOML file.
        seed: The same seed gives the same child.
        magnitude: `per_node`: each node with probability p ~ U[0, 1]; `count`: one to three nodes.

    Raises:
        InputError: The space or the magnitude is unknown.
        CellError: No valid child in 100 draws, or no library cell of that name.
        TypeError: The parent is neither a cell nor a name.
    """
    if magnitude not in MAGNITUDES:
        near = difflib.get_close_matches(magnitude, MAGNITUDES, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"no magnitude {magnitude!r} (magnitudes: {', '.join(MAGNITUDES)}{hint})")
    cell = library.as_cell(cell)
    space = load_space(space) if isinstance(space, str) else space
    child = draw(cell, space, np.random.default_rng(seed), magnitude)
    if child is None:
        raise CellError(f"cell {cell.name!r}: no valid child in {DRAWS} draws from space {space.name!r}")
    return child.cell, child.applied
