"""Add a mutation: write the operator, list it, and make children with it.

    python examples/add_a_mutation.py

An operator takes a cell and one of its nodes and gives back a new cell, or None where it does not apply.
To search with it, put the function into a file of archsearch/mutations/ and the line into the table MUTATIONS there.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

import archsearch
from archsearch.cell import Cell, Node, SearchSpace, load_space


def swap_operands(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return the cell with `a - b` at the node turned into `b - a`, or None if the node is no difference."""
    if node.op != "sub":
        return None
    return cell.edited({node.handle: replace(node, inputs=node.inputs[::-1])})


def space_with(name: str) -> SearchSpace:
    """Return the space of 2015 with one more operator, at the end of its list."""
    space = load_space("jozefowicz2015")
    return msgspec.structs.replace(space, mutations=(*space.mutations, name))


def main() -> None:
    """List the operator and print the first child that it has a part in."""
    archsearch.MUTATIONS["swap_operands"] = swap_operands
    space, gru = space_with("swap_operands"), archsearch.library.load("gru")
    for seed in range(100):
        child, applied = archsearch.mutate(gru, space=space, seed=seed, magnitude="count")
        if any(change.operator == "swap_operands" for change in applied):
            print(child.text(), *(f"# {change}" for change in applied), sep="\n")
            return


if __name__ == "__main__":
    main()
