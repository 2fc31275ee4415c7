"""swap_shape: a matrix, blocks along its diagonal and the diagonal alone become each other."""

from itertools import product

from archsearch.cell import OPS
from archsearch.mutations.swap_shape import SHAPES
from archsearch.protocol.units import SMALLEST, units
from tests.helpers.strategies import GROW
from tests.mutations.outcomes import cell, outcomes

MAPS = ("linear(h)", "linear(h, heads=4)", "scale(h)")


def test_a_matrix_blocks_and_a_diagonal_become_each_other() -> None:
    for own in MAPS:
        made = outcomes("swap_shape", cell(f"v = {own}", "h' = x + v"), "v", GROW)
        assert made == {f"v = {other}; h' = x + v" for other in MAPS if other != own}


def test_arguments_that_both_shapes_have_stay() -> None:
    matrix = cell("v = linear(h, bias=none, diag=1)", "h' = x + v")

    assert outcomes("swap_shape", matrix, "v", GROW) == {
        "v = linear(h, bias=none, diag=1, heads=4); h' = x + v",
        "v = scale(h); h' = x + v",
    }


def test_any_number_of_blocks_is_one_shape() -> None:
    eight = cell("v = linear(h, bias=none, heads=8)", "h' = x + v")

    assert outcomes("swap_shape", eight, "v", GROW) == {
        "v = linear(h, bias=none); h' = x + v",
        "v = scale(h); h' = x + v",
    }


def test_every_budget_fits_a_child_with_blocks_within_less_than_one_for_each() -> None:
    matrix = cell("h' = tanh(linear(x) + linear(h, bias=none))")
    blocks = cell("h' = tanh(linear(x) + linear(h, bias=none, heads=4))")

    for budget, layers in product(range(2_000, 12_000, 10), (1, 2)):
        narrow, wide = (units(one, 16, layers, budget) for one in (matrix, blocks))
        assert narrow - 4 < wide and wide % 4 == 0 and wide >= SMALLEST


def test_another_op_has_no_shape() -> None:
    assert outcomes("swap_shape", cell("v = norm(h)", "h' = x + v"), "v", GROW) == {None}


def test_every_shape_is_a_learned_map() -> None:
    assert all(OPS[kind.op].learns for kind in SHAPES.values())
