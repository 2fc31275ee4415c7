"""The census of children: everything is counted once, and the same seed counts the same."""

from dataclasses import asdict

import msgspec
import numpy as np
import pytest

from archsearch.actions.census import take_census
from archsearch.cell import library
from archsearch.cell.space import Activation
from archsearch.errors import CellError
from archsearch.search.alike import behaviour
from tests.helpers.strategies import GROW, PAPER
from tests.mutations.outcomes import cell


def test_the_same_seed_gives_the_same_census() -> None:
    one, other = (take_census(library.load("lstm"), GROW, np.random.default_rng(2), 40) for _ in range(2))

    assert asdict(one) == asdict(other)
    assert one.children == 40 <= one.draws
    assert one.gained and one.lost and 2 <= one.most_states <= 4
    assert one.alike + one.faults.total() <= 40 and max(one.ops.values()) <= 40


def test_without_operators_for_it_no_child_gains_a_state() -> None:
    census = take_census(library.load("lstm"), PAPER, np.random.default_rng(0), 20)

    assert census.gained == 0 and census.lost > 0 and set(census.operators) <= set(PAPER.mutations)


def test_children_with_a_part_that_is_always_zero_are_counted() -> None:
    space = msgspec.structs.replace(GROW, mutations=("swap_elementwise",), weights={})
    parent = cell("v = sigmoid(x)", "m = max(v, v)", "h' = tanh(linear(h) + m)")

    assert take_census(parent, space, np.random.default_rng(0), 20).faults["a part of it is always 0"] > 0


def test_children_with_the_outputs_of_an_earlier_one_are_counted() -> None:
    space = msgspec.structs.replace(
        GROW, activations=(Activation("relu"),), mutations=("insert_activation",), weights={}
    )
    parent = cell("v = sigmoid(x)", "h' = tanh(linear(h) + v)")

    assert (
        take_census(parent, space, np.random.default_rng(0), 20).alike > 0
    )  # relu(sigmoid(x)) is sigmoid(x)


def test_what_is_sound_stands_once_and_is_neither_faulty_nor_what_the_census_began_with() -> None:
    space = msgspec.structs.replace(GROW, mutations=("swap_activation", "swap_elementwise"), weights={})
    parent = cell("h' = tanh(linear(h) + x)")
    census = take_census(parent, space, np.random.default_rng(0), 60)

    identities = [one.id for one in census.sound]
    assert 0 < len(identities) == len(set(identities)) < 60 - census.faults.total() - census.alike
    assert parent.id not in identities and all(behaviour(one).fault is None for one in census.sound)


def test_a_cell_without_valid_children_is_told() -> None:
    space = msgspec.structs.replace(PAPER, mutations=("replace_by_ancestor",))

    with pytest.raises(CellError, match=r"cell 'k': no valid child in 100 draws from space 'jozefowicz2015'"):
        take_census(cell("h' = x + h"), space, np.random.default_rng(0), 1)
