"""The stacked engine computes what the interpreter computes: library cells, random mutants, many sizes."""

import pytest

from archsearch.cell import Cell, library
from tests.compiler import op_cells, plain
from tests.helpers import strategies
from tests.helpers.agreement import SHAPES, check

SOME = ["gru", "lstm", "gru_reset_after", "mut1", "vanilla", "mingru", "fgr", "darts_v2", "lstm_1997", "enas"]
MUTANTS, CHUNK = 300, 20
RANDOM = 60


UNREACHED = "cell unreached(x, h):\n    h' = tanh(linear(h) + stop(linear(exp(exp(exp(3 + x))))))\n"
"""The second matrix reads infinity, and no gradient reaches it."""


def mutants() -> list[Cell]:
    return [mutant.child.cell for mutant in strategies.mutants(MUTANTS)]


@pytest.mark.parametrize("name", SOME)
def test_some_cells_of_the_library_agree_in_some_shapes(name: str) -> None:
    turn = SOME.index(name)
    check(library.load(name), [SHAPES[(turn + step) % 12] for step in (0, 5)], engine="stacked")


@pytest.mark.parametrize("name", op_cells.TEXTS)
def test_cells_of_rarer_ops_agree(name: str) -> None:
    cell = op_cells.op_cell(name)
    check(cell, op_cells.shapes(cell), engine="stacked")


@pytest.mark.parametrize("turn", range(10))
def test_some_mutants_agree_in_some_shapes(turn: int) -> None:
    check(mutants()[turn * MUTANTS // 10 + turn], [SHAPES[(turn + 3) % 12]], seed=turn, engine="stacked")


def test_random_cells_of_all_ops_agree() -> None:
    for seed in range(10):
        check(plain.random_cell(seed), [SHAPES[seed % 8]], seed, engine="stacked")


def test_a_map_that_no_gradient_reaches_gets_none_whatever_it_reads() -> None:
    check(Cell.parse(UNREACHED), [shape for shape in SHAPES if shape.width == 1], engine="stacked")


@pytest.mark.slow
@pytest.mark.parametrize("name", library.names())
def test_every_cell_of_the_library_agrees_in_every_shape(name: str) -> None:
    check(library.load(name), SHAPES, engine="stacked")


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, MUTANTS, CHUNK))
def test_mutants_agree_in_many_shapes(first: int) -> None:
    for seed, cell in enumerate(mutants()[first : first + CHUNK]):
        check(cell, [SHAPES[(seed + step) % len(SHAPES)] for step in (0, 7, 13)], seed, engine="stacked")


@pytest.mark.slow
def test_more_random_cells_of_all_ops_agree() -> None:
    for seed in range(RANDOM):
        check(
            plain.random_cell(seed),
            [SHAPES[(seed + step) % len(SHAPES)] for step in (1, 6)],
            seed,
            engine="stacked",
        )
