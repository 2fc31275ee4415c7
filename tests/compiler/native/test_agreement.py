"""The native engine computes what the interpreter computes: library cells, random mutants, all sizes."""

import pytest

from archsearch.cell import Cell, library
from tests.compiler import op_cells, plain
from tests.compiler.native.processors import OTHERS, use
from tests.helpers import strategies
from tests.helpers.agreement import SHAPES, check

SOME = [
    "gru",
    "lstm",
    "gru_reset_after",
    "mut1",
    "mut2",
    "vanilla",
    "mingru",
    "indrnn",
    "fgr",
    "darts_v2",
    "lstm_1997",
    "enas",
]
MUTANTS, CHUNK = 300, 20
RANDOM = 150
GROWN = 20


def mutants() -> list[Cell]:
    return [mutant.child.cell for mutant in strategies.mutants(MUTANTS)]


@pytest.mark.parametrize("name", SOME)
def test_some_cells_of_the_library_agree_in_some_shapes(name: str) -> None:
    turn = SOME.index(name)
    check(library.load(name), [SHAPES[(turn + step) % len(SHAPES)] for step in (0, 5, 11)])


@pytest.mark.parametrize("name", op_cells.TEXTS)
def test_cells_of_rarer_ops_agree(name: str) -> None:
    cell = op_cells.op_cell(name)
    check(cell, op_cells.shapes(cell))


@pytest.mark.slow
def test_some_children_of_the_space_that_grows_agree() -> None:
    grown = strategies.mutants(GROWN * 25, spaces=(strategies.GROW,), longest=4)
    for turn, mutant in enumerate([*grown][::25]):
        check(mutant.child.cell, [SHAPES[turn % len(SHAPES)]], seed=turn)


@pytest.mark.parametrize("turn", range(15))
def test_some_mutants_agree_in_some_shapes(turn: int) -> None:
    check(
        mutants()[turn * MUTANTS // 15 + turn],
        [SHAPES[(turn + step) % len(SHAPES)] for step in (3, 12)],
        seed=turn,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", library.names())
def test_every_cell_of_the_library_agrees_in_every_shape(name: str) -> None:
    check(library.load(name), SHAPES)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, MUTANTS, CHUNK))
def test_mutants_agree_in_every_shape(first: int) -> None:
    for seed, cell in enumerate(mutants()[first : first + CHUNK]):
        check(cell, SHAPES, seed)


@pytest.mark.slow
def test_random_cells_of_all_ops_agree() -> None:
    for seed in range(RANDOM):
        check(plain.random_cell(seed), [SHAPES[(seed + step) % len(SHAPES)] for step in (1, 6)], seed)


@pytest.mark.slow
@pytest.mark.parametrize("march", OTHERS)
def test_builds_for_other_processors_agree(march: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(march, monkeypatch)
    for turn, cell in enumerate([*map(library.load, library.names()), *mutants()[::10]]):
        check(cell, [SHAPES[(turn + step) % len(SHAPES)] for step in (0, 5, 13)], turn)
