"""What one operator makes of one node, over many generator states."""

import numpy as np

from archsearch.cell import Cell, Node, SearchSpace
from archsearch.mutations import MUTATIONS
from tests.helpers.strategies import PAPER


def cell(*lines: str, parameters: str = "x, h") -> Cell:
    """Return the cell of these lines."""
    return Cell.parse(f"cell k({parameters}):\n" + "\n".join(f"    {line}" for line in lines))


def node(of: Cell, name: str) -> Node:
    """Return a node by its name, or a next value by its state's: `h'`."""
    if name.endswith("'"):
        return of.node(of.next[of.states.index(name[:-1])])
    return next(one for one in of.nodes if one.name == name)


def outcomes(
    operator: str, of: Cell, at: str, space: SearchSpace = PAPER, draws: int = 300
) -> set[str | None]:
    """Return the lines of all cells that an operator makes at a node in many draws, and None where it made none."""
    made = set()
    for seed in range(draws):
        result = MUTATIONS[operator](of, node(of, at), space, np.random.default_rng(seed))
        made.add(lines(result) if result else None)
    return made


def lines(of: Cell) -> str:
    """Return a cell's lines without the head, with `; ` between them."""
    return "; ".join(line.strip() for line in of.text().splitlines()[1:])
