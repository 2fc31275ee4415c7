"""What a run that exists goes on with: the same data, and the floor that it began with."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace

from archsearch.actions.resume import check_same_measurement
from archsearch.errors import InputError
from archsearch.protocol.plan import RunPlan, TaskFacts
from archsearch.workers.messages import Hello
from tests.helpers.plans import TASK, preset, run_plan


def check(floor_then: float, floor_now: float) -> None:
    """Go on with a run whose English had a floor, where it has another now."""
    plan: RunPlan = run_plan(preset({"english": TASK}))
    then = replace(plan.tasks[0].facts, floor=floor_then)
    plan = replace(plan, tasks=(replace(plan.tasks[0], facts=then),))
    facts: dict[str, TaskFacts] = {then.name: replace(then, floor=floor_now), plan.filter.name: plan.filter}
    check_same_measurement(plan, facts, Hello(plan.machine, plan.engine))


def test_a_run_keeps_a_floor_that_lies_above_guessing_evenly() -> None:
    check(6.0, math.log(200))


def test_another_floor_is_other_data() -> None:
    check(4.0, 4.0)
    with pytest.raises(InputError, match="the data of english:small have changed"):
        check(4.0, 4.1)
