"""A task that names its budget is its base task at that size, unless the preset has a table of that name."""

from typing import Any

import pytest
from msgspec.structs import replace

from archsearch.errors import PresetError
from archsearch.protocol.checks import faults
from archsearch.protocol.ladder import named_budget, rules_of, table_of
from archsearch.protocol.plan import PlannedTask
from archsearch.protocol.records import Trial
from tests.helpers.plans import FACTS, TASK, preset, run_plan, task_plan

RULES = task_plan(budget=10_000, steps=2_000, epoch_steps=250, rungs=(750,), gate=0.7, k=3)


def given(**tables: Any) -> Any:
    return preset({"arithmetic": RULES, "xml": TASK, **tables})


def test_steps_rungs_and_validations_grow_as_the_budget_and_all_else_stays() -> None:
    larger = rules_of(given(), "arithmetic@30k")
    assert larger == replace(RULES, budget=30_000, steps=6_000, epoch_steps=750, rungs=(2_250,))
    smaller = rules_of(given(), "arithmetic@5k")
    assert smaller == replace(RULES, budget=5_000, steps=1_000, epoch_steps=125, rungs=(375,))


@pytest.mark.parametrize("size", ["10007", "13k", "0.9k", "333", "1.234m"])
def test_whatever_the_budget_the_rules_are_those_of_a_task(size: str) -> None:
    searching = replace(given().search, tasks=(f"arithmetic@{size}",))
    assert list(faults(replace(given(), search=searching))) == []


def test_a_table_of_that_very_name_says_all() -> None:
    own = replace(RULES, budget=30_000, steps=500, rungs=(), difficulty="medium")
    rules = given(**{"arithmetic@30k": own})
    assert rules_of(rules, "arithmetic@30k") == own
    assert table_of(rules, "arithmetic@30k") == 'tasks."arithmetic@30k"'
    assert list(faults(rules)) == []


def test_a_table_whose_budget_is_not_its_name_s_is_refused() -> None:
    (fault,) = faults(given(**{"arithmetic@30k": RULES}))
    assert fault == "tasks.arithmetic@30k: its name says 30,000 parameters, its budget 10,000; let them agree"


SIZES = {"30k": 30_000, "30000": 30_000, "1m": 1_000_000, "1.5m": 1_500_000, "0.5k": 500}


@pytest.mark.parametrize("size", SIZES)
def test_a_budget_is_written_as_people_write_it(size: str) -> None:
    assert named_budget(f"xml@{size}") == SIZES[size]


@pytest.mark.parametrize("size", ["", "0", "3x", "k", "-30k", "30 k", "1e4", "0.0001k", "9" * 50, "30k@30k"])
def test_what_is_no_budget_is_refused_with_the_way_to_write_one(size: str) -> None:
    with pytest.raises(PresetError, match=r"is no number of parameters; write it as in xml@30k"):
        named_budget(f"xml@{size}")


@pytest.mark.parametrize(
    ("task", "fault"),
    [
        ("xml@3x", "search.tasks: task 'xml@3x': '3x' is no number of parameters"),
        ("html@30k", "search.tasks names html@30k, which has no"),
        ("xml@2000m", "search.tasks: xml@2000m.epoch_steps is 2,000,000; it must be at most"),
    ],
)
def test_a_preset_that_searches_on_no_such_task_says_why(task: str, fault: str) -> None:
    searching = replace(given().search, tasks=("xml", task))
    assert next(faults(replace(given(), search=searching))).startswith(fault)


def test_trials_of_two_budgets_of_one_task_are_told_apart() -> None:
    plan = run_plan(given())
    larger = rules_of(plan.preset, "arithmetic@30k")
    assert larger is not None
    task = PlannedTask("arithmetic@30k", FACTS["arithmetic"], larger)
    plan = replace(plan, tasks=(*plan.tasks, task))
    trials: list[Trial] = [
        plan.trial("c", name, plan.settings[name][0], steps=steps)
        for name in ("arithmetic", "arithmetic@30k")
        for steps in (None, 750)
    ]
    assert [found.name for trial in trials if (found := plan.task_of(trial))] == [
        "arithmetic",
        "arithmetic",
        "arithmetic@30k",
        "arithmetic@30k",
    ]
    assert [plan.pauses(trial) for trial in trials] == [False, True, False, True]
    assert plan.task_of(plan.filter_trial("c", plan.settings["xml"][0])) is None
    assert (task.described, plan.tasks[0].described) == ("arithmetic:small@30k", "arithmetic:small")
