"""Operators on cells whose linear maps share matrices: what is left of them shares as before."""

import numpy as np
import pytest

from archsearch.cell import Cell, SearchSpace
from archsearch.cell.sharing import OF_THE_MATRIX, sharers
from archsearch.mutations import MUTATIONS, draw
from archsearch.mutations.crossover import crossover
from tests.helpers.strategies import EVERYTHING, GROW, sharing_mutants
from tests.mutations.outcomes import cell, lines, node, outcomes

CELLS = [*sharing_mutants(40, seed=20)]


def shares_soundly(of: Cell) -> bool:
    """Whether every map that shares names one that has the matrix and the same arguments of it, and none shares alone."""
    for like, group in sharers(of.nodes).items():
        owner = of.node(like)
        same = all(one.argument(name) == owner.argument(name) for one in group for name in OF_THE_MATRIX)
        if len(group) < 2 or owner not in group or owner.transposed or not same:
            return False
    return all(one.op == "linear" or one.like is None for one in of.nodes)


@pytest.mark.parametrize("name", MUTATIONS)
def test_an_operator_leaves_sharing_sound(name: str) -> None:
    rng = np.random.default_rng(0)
    for of in CELLS:
        for one in of.ops:
            result = MUTATIONS[name](of, one, GROW, rng)
            assert result is None or shares_soundly(result), f"{of}\n{result}"


@pytest.mark.parametrize("space", [GROW, EVERYTHING], ids=["grow", "everything"])
def test_children_share_soundly_and_survive_printing(space: SearchSpace) -> None:
    rng, shared = np.random.default_rng(1), 0
    for of in CELLS:
        child = draw(of, space, rng)
        assert child is not None and shares_soundly(child.cell)
        assert Cell.parse(child.cell.text()).id == child.cell.id
        shared += any(one.like is not None for one in child.cell.nodes)
    assert shared > len(CELLS) / 4


TIED = ("a = linear(h, diag=1)", "b = linear(x * h, like=a', bias=none)", "h' = tanh(a + b)")


def test_a_map_that_goes_hands_its_matrix_on() -> None:
    assert outcomes("remove", cell(*TIED), "a") == {"b = linear(x * h, bias=none, diag=1); h' = tanh(h + b)"}
    assert outcomes("remove", cell(*TIED), "b") == {"a = linear(h, diag=1); h' = tanh(a + x * h)"}


def test_a_map_with_another_activation_shares_nothing() -> None:
    made = outcomes("swap_activation", cell(*TIED), "a")

    assert "a = linear(h, diag=0.9); b = linear(x * h, bias=none, diag=1); h' = tanh(a + b)" in made


@pytest.mark.parametrize("at", ["a", "b"])
def test_another_shape_is_that_of_all_that_share_the_matrix(at: str) -> None:
    assert outcomes("swap_shape", cell(*TIED), at, GROW) == {
        "a = linear(h, diag=1, heads=4); b = linear(x * h, like=a', bias=none); h' = tanh(a + b)"
    }


def test_a_part_of_a_mate_brings_what_it_shares_within_itself() -> None:
    mate = cell(
        "a = linear(h)", "z = sigmoid(a + linear(x, like=a'))", "b = linear(x * h, like=a)", "h' = z * b"
    )
    start = cell("r = sigmoid(x)", "h' = r * h")
    made = {
        lines(result)
        for seed in range(20)
        if (result := crossover(start, node(start, "r"), GROW, np.random.default_rng(seed), mate))
    }

    assert made == {"n1 = linear(h); h' = sigmoid(n1 + linear(x, like=n1')) * h"}
    assert shares_soundly(mate)
