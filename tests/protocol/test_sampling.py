"""The sampling error of a score, and validation parts that are too small for a figure."""

import math
import re

import numpy as np
import pytest
from msgspec.structs import replace

from archsearch.errors import TaskError
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.sampling import LEAST_SCORED, check_validation, score_error, skill_error
from tests.helpers.plans import TASK, preset, run_plan


def plan(**of: object) -> RunPlan:
    return run_plan(preset({"english": TASK}, **of))  # type: ignore[arg-type]


def test_a_score_is_as_uncertain_as_the_mean_of_so_many_positions() -> None:
    one = plan()
    draws = np.random.default_rng(0).normal(2.0, one.tasks[0].facts.spread, size=(4_000, 50)).mean(axis=1)
    assert score_error(one, one.tasks[0], 50) == pytest.approx(draws.std(), rel=0.05)


def test_a_skill_is_as_uncertain_as_its_score_in_parts_of_the_way_from_floor_to_ceiling() -> None:
    one = plan()
    assert skill_error(one, one.tasks[0], 100) == pytest.approx(0.15 / 4.0)


def test_under_the_published_rule_the_error_is_that_of_right_or_wrong() -> None:
    one = plan(rule="published")
    assert score_error(one, one.tasks[0], 100) == skill_error(one, one.tasks[0], 100) == 0.05


@pytest.mark.parametrize(("spread", "least"), [(1.5, 57), (4.0, 400), (0.001, LEAST_SCORED)])
def test_a_validation_is_refused_below_what_a_figure_takes_which_is_named(spread: float, least: int) -> None:
    one = plan()
    task = replace(one.tasks[0], facts=replace(one.tasks[0].facts, spread=spread))
    one = replace(one, tasks=(task,))
    check_validation(one, {task.full_name: least})
    said = f"english:small: its validation scores {least - 1} positions, too few for a figure"
    with pytest.raises(
        TaskError, match=rf"{re.escape(said)}.*; {least} are needed.*\[tasks.english\] validation"
    ):
        check_validation(one, {task.full_name: least - 1})


def test_a_validation_of_unknown_size_passes() -> None:
    check_validation(plan(), {})
    check_validation(plan(), {"english:small": 0})


def test_an_error_falls_with_the_root_of_the_size() -> None:
    one = plan()
    assert score_error(one, one.tasks[0], 400) == score_error(one, one.tasks[0], 100) / 2
    assert math.isfinite(score_error(one, one.tasks[0], 2**63 - 1))
