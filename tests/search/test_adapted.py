"""Operators drawn by what they brought."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.mutations import propose
from archsearch.protocol import history
from archsearch.protocol.plan import RunPlan
from archsearch.search.adapted import Credit, adapted_weights, credited
from tests.helpers.plans import World, preset, run_plan, task_plan
from tests.helpers.strategies import GROW, PAPER
from tests.search.driver import Driver

STEPS = 60


def rows_of(*rows: tuple[str, int, int]) -> list[Credit]:
    """Return a ledger of rows of an operator, its better children, and its others."""
    return [
        Credit(frozenset({operator}), place < better)
        for operator, better, others in rows
        for place in range(better + others)
    ]


@cache
def plan_of(strategy: str, operators: str = "adapted") -> RunPlan:
    given = preset({"xml": task_plan(k=2, G=6)}, look_ahead=4, pool=8)
    return run_plan(
        replace(given, mutation=replace(given.mutation, operators=operators)), strategy, space=GROW
    )


def test_an_operator_whose_children_are_better_more_often_is_drawn_more_often() -> None:
    weights = adapted_weights(PAPER, rows_of(("remove", 30, 70), ("combine", 10, 90)))
    overall = 40 / 200
    assert weights["remove"] == pytest.approx((30 + 10 * overall) / 110 / overall)
    assert weights["combine"] == pytest.approx((10 + 10 * overall) / 110 / overall)
    assert weights["swap_activation"] == 1.0, "one without children is drawn as before"


def test_the_weights_of_the_space_are_what_it_begins_with() -> None:
    assert adapted_weights(GROW, []) == adapted_weights(GROW, rows_of(("remove", 0, 50)))
    assert adapted_weights(GROW, [])["add_state"] == 2.0
    adapted = adapted_weights(GROW, rows_of(("add_state", 5, 5), ("remove", 5, 5)))
    assert adapted["add_state"] == pytest.approx(2.0)


def test_no_operator_leaves_the_search_and_none_takes_it_over() -> None:
    weights = adapted_weights(PAPER, rows_of(("remove", 0, 150), ("combine", 5, 0)))
    assert weights["remove"] == 0.25 and weights["combine"] == 4.0


def test_a_child_of_several_operators_stands_in_the_row_of_each() -> None:
    both = [Credit(frozenset({"remove", "combine"}), True), *rows_of(("swap_activation", 0, 9))]
    weights = adapted_weights(PAPER, both)
    assert weights["remove"] == weights["combine"] > 1 > weights["swap_activation"]


def test_the_ledger_is_that_of_the_youngest_scored_children_by_their_parents() -> None:
    driver = Driver(plan_of("jozefowicz"), World(fails=0.2)).run(STEPS)
    told, by_id = driver.told, {each.id: each for each in driver.told.ranked}
    expected = [
        Credit(
            frozenset(applied.operator for applied in child.applied),
            child.estimate > by_id[child.parent].estimate,
        )
        for child in sorted(told.ranked, key=lambda child: -child.step)
        if child.parent in by_id
    ]
    assert list(credited(told)) == expected and len(expected) > 10
    assert {credit.better for credit in expected} == {True, False}


def test_what_is_drawn_follows_the_weights() -> None:
    leaning = replace(PAPER, weights=adapted_weights(PAPER, rows_of(("combine", 20, 0), ("remove", 0, 80))))
    rng, drawn = np.random.default_rng(0), {"combine": 0, "remove": 0}
    for _ in range(300):
        child = propose(library.load("gru"), leaning, rng, "count")
        for applied in child.applied if child else ():
            drawn[applied.operator] = drawn.get(applied.operator, 0) + 1
    assert drawn["combine"] > 4 * drawn["remove"]


@pytest.mark.parametrize("strategy", ["jozefowicz", "neighbours", "islands"])
def test_a_search_with_adapted_operators_is_the_same_for_any_workers_and_restarts(
    strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Driver(plan_of(strategy), World(fails=0.2)).run(STEPS).record(STEPS)
    assert (
        Driver(plan_of(strategy), World(fails=0.2), 4, random.Random(3), 0.2).run(STEPS).record(STEPS)
        == plain
    )
    monkeypatch.setattr(history, "KEPT", 3)
    kept = Driver(plan_of(strategy), World(fails=0.2), 4, random.Random(7), 0.2, keeps=True).run(STEPS)
    assert kept.asked[:STEPS] == plain[0]
    fixed = Driver(plan_of(strategy, "fixed"), World(fails=0.2)).run(STEPS)
    assert fixed.asked[:STEPS] != plain[0]


def test_the_random_control_is_not_adapted() -> None:
    adapted, fixed = (
        Driver(plan_of("random", how), World(fails=0.2)).run(STEPS) for how in ("adapted", "fixed")
    )
    assert adapted.asked[:STEPS] == fixed.asked[:STEPS]
