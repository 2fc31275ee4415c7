"""The ledger of operators: what it counts, on children whose fates are known and on a simulated run."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsearch.store import RunStore, make_run
from archsearch.studies.operators import Offspring, offspring, operator_rows
from tests.helpers.in_process import search_on
from tests.helpers.plans import preset, run_plan, task_plan


def child(*operators: str, change: float | None = None, passed: bool = True) -> Offspring:
    return Offspring(frozenset(operators), passed, change is not None, change)


def test_a_child_stands_in_the_row_of_each_of_its_operators_and_once_among_all() -> None:
    children = [
        child("remove", "combine", change=0.2),
        child("combine", change=-0.4),
        child("combine", passed=False),
        child("remove"),
    ]
    remove, combine, every = operator_rows(children)
    assert (remove.operator, combine.operator, every.operator) == ("remove", "combine", "all")
    counts = [(row.children, row.passed, row.scored, row.better) for row in (remove, combine, every)]
    assert counts == [(2, 2, 1, 1), (3, 2, 2, 1), (4, 3, 2, 1)]
    assert combine.change is not None and combine.change.value == pytest.approx(-0.1)
    assert combine.change.low == pytest.approx(-0.4) and combine.change.high == pytest.approx(0.2)


def test_an_operator_without_scored_children_has_no_change() -> None:
    assert operator_rows([child("remove", passed=False)])[0].change is None


def test_the_children_of_a_run_are_those_of_its_history(tmp_path: Path) -> None:
    make_run(tmp_path / "run", run_plan(preset({"xml": task_plan(k=2, G=6)}, look_ahead=3, noise_draws=1)))
    search_on(tmp_path / "run", 40)
    with RunStore.open(tmp_path / "run") as store:
        children = list(offspring(store))
        told = {step.cell for step, verdict in store.steps.read() if verdict is not None and step.applied}
    assert len(children) == len(told) > 20
    assert any(one.change is not None for one in children) and any(not one.passed for one in children)
