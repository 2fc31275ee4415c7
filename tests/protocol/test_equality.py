"""At equal width, operations or time the cells of a claim get what makes them equal, and that is part of the claim."""

import msgspec
import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.protocol.claims import Claim
from archsearch.protocol.equality import equality
from archsearch.protocol.records import Trial
from archsearch.protocol.units import products, units
from tests.helpers.plans import GRID, GRU, preset, run_plan

A, B = library.load("mut1"), library.load("gru")
PLAN = run_plan(preset(grid=replace(GRID, layers=(1, 2))))
PLAIN = Claim.of(PLAN, A.id, B.id, 6)


def claim(what: str, seconds: float | None = None) -> Claim:
    ratio = None if seconds is None else lambda kind: seconds
    return replace(PLAIN, equal=equality(PLAN, A, B, what, ratio))  # type: ignore[arg-type]


def pairs(of: Claim) -> list[tuple[Trial, Trial]]:
    return [both for task in of.tasks for both in zip(*of.trials(PLAN, task, 1), strict=True)]


def width(trial: Trial) -> int:
    cell = {A.id: A, GRU: B}[trial.cell]
    name = trial.task.partition(":")[0]
    return units(cell, PLAN.task[name].facts.symbols, trial.setting.layers, trial.setting.budget)


def test_at_equal_width_the_first_cell_is_as_wide_as_the_second_whatever_that_costs() -> None:
    assert all(width(ours) > width(theirs) for ours, theirs in pairs(PLAIN))
    for ours, theirs in pairs(claim("width")):
        assert width(ours) == width(theirs)
        assert ours.setting.budget < theirs.setting.budget == 10_000
        assert (ours.steps, theirs.steps) == (20, 20)


def test_at_equal_operations_the_dearer_cell_trains_fewer_steps_and_none_more_than_the_preset_says() -> None:
    plan = replace(PLAN, tasks=tuple(replace(t, rules=replace(t.rules, steps=10_000)) for t in PLAN.tasks))
    for task in plan.tasks:
        for ours, theirs in zip(
            *replace(Claim.of(plan, A.id, B.id, 6), equal=equality(plan, A, B, "flops")).trials(
                plan, task, 1
            ),
            strict=True,
        ):
            each = [
                trial.steps * products(cell, width(trial), task.facts.symbols, trial.setting.layers)
                for cell, trial in ((A, ours), (B, theirs))
            ]
            assert each[0] == pytest.approx(each[1], rel=1e-3)
            assert max(ours.steps, theirs.steps) == 10_000 > min(ours.steps, theirs.steps)


@pytest.mark.parametrize(
    ("ratio", "steps"), [(2.0, (10, 20)), (0.5, (20, 10)), (1.0, (20, 20)), (99.0, (1, 20))]
)
def test_at_equal_time_the_slower_cell_trains_fewer_steps(ratio: float, steps: tuple[int, int]) -> None:
    assert {(ours.steps, theirs.steps) for ours, theirs in pairs(claim("time", ratio))} == {steps}


def test_each_kind_of_equality_and_each_measured_time_is_another_claim_with_pairs_of_its_own() -> None:
    claims = [PLAIN, claim("width"), claim("flops"), claim("time", 1.5), claim("time", 1.6)]
    assert len({each.key for each in claims}) == len({each.seed(1) for each in claims}) == 5


def test_a_claim_at_equal_parameters_has_the_bytes_that_it_had_before_there_were_others() -> None:
    assert "equal" not in msgspec.to_builtins(PLAIN)
    for each in (PLAIN, claim("time", 1.5)):
        assert msgspec.json.decode(msgspec.json.encode(each), type=Claim) == each
