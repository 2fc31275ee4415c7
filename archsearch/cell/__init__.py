"""Cells: frozen computation graphs with a text, an exact identity and a library of published ones.

`Cell.parse` reads the cell language, `Cell.text` writes it, `Cell.id` names the cell whatever its nodes are called and in
whatever order they stand; `regrouped` gives the one cell that stands for all groupings of its sums, `jacobian_class` the
form of its Jacobian. `library` holds the published cells, `load_space` what a search may make of them.
"""

from archsearch.cell import library
from archsearch.cell.cell import Cell
from archsearch.cell.jacobian import JacobianClass, jacobian_class
from archsearch.cell.node import Node
from archsearch.cell.ops import OPS, Op
from archsearch.cell.regrouping import regrouped
from archsearch.cell.space import SearchSpace, load_space, space_names

__all__ = [
    "OPS",
    "Cell",
    "JacobianClass",
    "Node",
    "Op",
    "SearchSpace",
    "jacobian_class",
    "library",
    "load_space",
    "regrouped",
    "space_names",
]
