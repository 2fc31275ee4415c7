"""swap_shape: a matrix becomes a diagonal, and the other way round."""

from archsearch.cell import OPS
from archsearch.mutations.swap_shape import SHAPES
from tests.helpers.strategies import GROW
from tests.mutations.outcomes import cell, outcomes


def test_a_matrix_becomes_a_diagonal_and_a_diagonal_a_matrix() -> None:
    start = cell("v = linear(h, bias=none)", "w = scale(x)", "h' = v + w")

    assert outcomes("swap_shape", start, "v", GROW) >= {"v = scale(h); w = scale(x); h' = v + w"}
    assert outcomes("swap_shape", start, "w", GROW) >= {"v = linear(h, bias=none); w = linear(x); h' = v + w"}


def test_another_op_has_no_shape() -> None:
    assert outcomes("swap_shape", cell("v = norm(h)", "h' = x + v"), "v", GROW) == {None}


def test_every_shape_is_a_learned_map() -> None:
    assert all(OPS[kind.op].learns for kind in SHAPES.values())
