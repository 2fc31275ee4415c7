"""Fronts, held against their definition, and what a cell costs by its graph alone."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from archsearch.cell import library
from archsearch.protocol.front import Objectives, best_at_cost, fronts
from archsearch.protocol.traits import WIDTH, traits_of

POINTS = st.lists(st.tuples(st.integers(0, 5).map(float), st.integers(-3, 3).map(float)), max_size=30)


def dominates(one: Objectives, other: Objectives) -> bool:
    return one[0] <= other[0] and one[1] >= other[1] and one != other


@given(POINTS)
def test_fronts_are_what_nothing_dominates_and_then_what_only_these_dominate(
    points: list[Objectives],
) -> None:
    left, number, expected = set(points), 0, {}
    while left:
        front = {point for point in left if not any(dominates(other, point) for other in left)}
        expected |= dict.fromkeys(front, number)
        left, number = left - front, number + 1
    assert fronts(points) == [expected[point] for point in points]


def test_a_front_holds_what_nothing_as_cheap_beats_and_equals_together() -> None:
    cost = {"a": 1.0, "b": 2.0, "c": 2.0, "d": 3.0, "e": 4.0, "f": 2.0}
    value = {"a": 0.5, "b": 0.7, "c": 0.9, "d": 0.9, "e": 1.0, "f": 0.9, "no cost": 2.0}
    assert best_at_cost(cost, value) == {"a", "c", "e", "f"}
    assert best_at_cost({}, value) == set()


@pytest.mark.parametrize("name", ["gru", "lstm", "minlstm", "indrnn"])
def test_traits_are_those_of_the_graph(name: str) -> None:
    cell = library.load(name)
    traits = traits_of(cell)
    assert traits.parameters == cell.parameter_count(WIDTH)
    assert traits == traits_of(cell.canonical()) and traits.states == len(cell.states)
    assert ("dense" in traits.jacobian) == (name in ("gru", "lstm"))
