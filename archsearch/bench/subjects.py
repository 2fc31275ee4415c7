"""The cells that are measured, and the arithmetic that each has to do."""

from __future__ import annotations

from archsearch.bench.shapes import LayerShape
from archsearch.cell import Cell, library
from archsearch.mutations import mutate

USUAL = ("gru", "lstm", "gru_reset_after", "mut1", "mgu", "janet", "minimal_rnn")
"""Library cells that are measured unless others are named."""

CLOSELY = ("gru", "lstm")
"""Among those, the ones that are also measured in JAX and in whole training steps."""

MUTANTS = (("gru", 5), ("lstm", 1), ("mut1", 1))
"""Parents and seeds of the mutants: cells that nobody has tuned anything for."""


def mutants() -> dict[str, Cell]:
    """Return the fixed mutants by name."""
    return {f"{parent} mutant {seed}": mutate(library.load(parent), seed=seed)[0] for parent, seed in MUTANTS}


def product_flops(cell: Cell, shape: LayerShape) -> int:
    """Return the operations of the matrix products in forward and backward: 6·B·T·H² for each linear map."""
    linears = sum(node.op == "linear" for node in cell.canonical().ops)
    return 6 * shape.batch * shape.steps * shape.width**2 * linears
