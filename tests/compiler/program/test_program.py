"""The program of a cell, for rows side by side and for rows one after another."""

import pytest

from archsearch.cell import Cell, library
from archsearch.compiler.program.kernels import Argument, Kernel
from archsearch.compiler.program.program import Program, program

NORMED = "cell normed(x, h):\n    h' = norm(tanh(linear(x) + linear(h)))\n"
GAINS = "cell gains(x, h):\n    h' = tanh(linear(x) + scale(h))\n"


def both(text: str) -> tuple[Program, Program]:
    """Return the program for all rows at once, and the one row by row."""
    cell = Cell.parse(text).canonical()
    return program(cell), program(cell, row_by_row=True)


def arguments(of: Program) -> set[Argument]:
    return {argument for kernel in of.kernels for argument in kernel.arguments}


@pytest.mark.parametrize("name", library.names())
def test_both_ways_compute_the_same_products_and_reach_the_same_sums(name: str) -> None:
    at_once, in_turn = (program(library.load(name).canonical(), way) for way in (False, True))
    for one, other in ((at_once.forward, in_turn.forward), (at_once.backward, in_turn.backward)):
        for zone in one:
            assert [i for i in one[zone] if not isinstance(i, Kernel)] == [
                i for i in other[zone] if not isinstance(i, Kernel)
            ]
    assert at_once.unreached == in_turn.unreached


def test_names_of_kernels_are_unique() -> None:
    for of in both(NORMED):
        names = [kernel.name for kernel in of.kernels]
        assert len(set(names)) == len(names)


def test_row_by_row_each_phase_is_a_kernel_of_its_own() -> None:
    at_once, in_turn = both(NORMED)
    assert [kernel.reduces for kernel in at_once.kernels] == [True, True]
    assert [kernel.reduces for kernel in in_turn.kernels] == [False, True, True, False]


def test_row_by_row_an_activation_lies_where_its_sum_lay() -> None:
    at_once, in_turn = both("cell plain(x, h):\n    h' = tanh(linear(x) + linear(h))\n")
    activation = at_once.cell.output
    assert at_once.layout.home(activation) == Argument(f"K{activation}")
    assert in_turn.layout.home(activation) == Argument("P", 0)


def test_row_by_row_rows_add_to_the_gradient_of_a_learned_vector_in_turn() -> None:
    at_once, in_turn = (arguments(of) for of in both(GAINS))
    (rows,), (total,) = ([each for each in of if each.array.startswith("L")] for of in (at_once, in_turn))
    assert (rows.when, total.when) == ("row", "lane")


def test_row_by_row_the_gradient_of_the_output_is_part_of_the_states() -> None:
    at_once, in_turn = (arguments(of) for of in both(GAINS))
    assert Argument("O") in at_once and Argument("O") not in in_turn


def test_a_kernel_that_stores_nothing_is_left_out() -> None:
    """No gradient goes on from the norm of a number."""
    for of in both("cell constant(x, h):\n    h' = tanh(linear(h) * norm(0.5))\n"):
        assert all(any(line.kind == "store" for line in kernel.lines) for kernel in of.kernels)
