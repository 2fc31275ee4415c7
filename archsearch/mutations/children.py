"""Children of a cell: one draw, the first of many that is valid, or the one that a seed gives."""

from __future__ import annotations

from functools import partial

import numpy as np

from archsearch.cell import Cell, SearchSpace, library, load_space
from archsearch.errors import CellError, InputError
from archsearch.mutations.crossover import crossover
from archsearch.mutations.driver import CHILD_DRAWS, MAGNITUDES, Applied, Child, Operators, draw_once, one
from archsearch.mutations.operators import MUTATIONS
from archsearch.words import did_you_mean


def propose(
    cell: Cell,
    space: SearchSpace,
    rng: np.random.Generator,
    magnitude: str = "per_node",
    mate: Cell | None = None,
) -> Child | None:
    """Return a child from one draw, or None if the draw came to nothing new or nothing valid.

    Args:
        cell: The parent.
        space: Its operators, ops and limits.
        rng: Where all chance comes from; cells with one id have, from one state of it, children with one id.
        magnitude: `per_node` or `count`, a key of MAGNITUDES.
        mate: What `crossover` takes parts from; None for a random start cell of the space.

    Raises:
        CellError: The parent is too symmetric for an id.
        SpaceError: The space names an operator that does not exist.
    """
    return draw_once(cell, _operators(mate), space, rng, MAGNITUDES[magnitude])


def neighbour(
    cell: Cell, space: SearchSpace, rng: np.random.Generator, mate: Cell | None = None
) -> Child | None:
    """Return a child by one operator at one node, or None if the draw came to nothing new or nothing valid.

    Args:
        cell: The cell.
        space: Its operators, ops and limits.
        rng: Where all chance comes from.
        mate: As `propose` takes it.
    """
    return draw_once(cell, _operators(mate), space, rng, one)


def _operators(mate: Cell | None) -> Operators:
    """Return the operators, with what crossover takes parts from if that is given."""
    return MUTATIONS if mate is None else {**MUTATIONS, "crossover": partial(crossover, mate=mate)}


def draw(
    cell: Cell,
    space: SearchSpace,
    rng: np.random.Generator,
    magnitude: str = "per_node",
    draws: int = CHILD_DRAWS,
    *,
    mate: Cell | None = None,
) -> Child | None:
    """Return the first child that `propose` finds in so many draws, or None: no valid child.

    Args:
        cell: The parent.
        space: Its operators, ops and limits.
        rng: Where all chance comes from.
        magnitude: A key of MAGNITUDES.
        draws: How many.
        mate: As `propose` takes it.
    """
    proposals = (propose(cell, space, rng, magnitude, mate) for _ in range(draws))
    return next((child for child in proposals if child), None)


def children(
    cell: Cell, space: SearchSpace, rng: np.random.Generator, count: int, magnitude: str = "per_node"
) -> list[Child]:
    """Return so many children of a cell, each drawn until it is valid.

    Args:
        cell: The parent.
        space: Its operators, ops and limits.
        rng: Where all chance comes from.
        count: How many.
        magnitude: A key of MAGNITUDES.

    Raises:
        CellError: No valid child in 100 draws.
    """
    drawn = [draw(cell, space, rng, magnitude) for _ in range(count)]
    found = [child for child in drawn if child is not None]
    if len(found) < count:
        raise no_child(cell, space)
    return found


def no_child(cell: Cell, space: SearchSpace) -> CellError:
    """Return the error of a cell that has no valid child in as many draws as are tried."""
    return CellError(f"cell {cell.name!r}: no valid child in {CHILD_DRAWS} draws from space {space.name!r}")


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
        hint = did_you_mean(magnitude, MAGNITUDES)
        raise InputError(f"no magnitude {magnitude!r} (magnitudes: {', '.join(MAGNITUDES)}{hint})")
    loaded = load_space(space) if isinstance(space, str) else space
    (child,) = children(library.as_cell(cell), loaded, np.random.default_rng(seed), 1, magnitude)
    return child.cell, child.applied
