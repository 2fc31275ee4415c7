"""Placebos: clones of the GRU in a candidate's place, which are measured like one and are none."""

from __future__ import annotations

import math

import pytest

from archsearch.protocol.records import Outcome, Trial
from archsearch.search.ask import is_placebo
from tests.helpers.plans import GRU, World, preset, run_plan, task_plan
from tests.search.driver import Driver

TASKS = {"arithmetic": task_plan(), "xml": task_plan()}


def plan_with(placebo: float, **search: object):
    return run_plan(preset(TASKS, look_ahead=4, noise_draws=3, placebo=placebo, **search))


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.5])
def test_clones_are_spread_evenly_and_the_first_comes_after_half_of_the_distance(share: float) -> None:
    plan = plan_with(share)
    places = [place for place in range(1_000) if is_placebo(plan, place)]
    assert len(places) == 1_000 * share
    assert not places or places[0] == math.ceil(0.5 / share) - 1
    assert len({b - a for a, b in zip(places, places[1:], strict=False)}) <= 1


class LuckyClones(World):
    """Clones in a candidate's place are far better than anything else."""

    def __call__(self, trial: Trial) -> Outcome:
        outcome = super().__call__(trial)
        if trial.cell == GRU and trial.init_draw > 3:
            facts = self.facts[trial.task]
            better = facts.floor + 0.9 * (facts.ceiling - facts.floor)
            return type(outcome)("done", better, better, 1.0, steps=20, units=20)
        return outcome


def test_a_clone_is_no_candidate_however_good_it_is() -> None:
    driver = Driver(plan_with(0.1), LuckyClones()).run(60)
    told, placebos = driver.told, [step for step in driver.steps[:60] if step.kind == "placebo"]
    assert told.counts.placebos == len(placebos) == len(told.placebos) == 6
    assert told.best_placebo is not None and told.best_placebo > 2
    assert all(candidate.fitness < 2 for candidate in told.ranked)
    assert set(told.candidates) == {step.cell for step in driver.steps[:60] if step.kind != "placebo"}
    assert told.counts.scored == len(told.ranked)


def test_a_clone_is_raced_and_gated_on_the_first_settings_with_weights_of_its_own() -> None:
    plan = plan_with(0.1)
    driver = Driver(plan).run(60)
    placebos = [step for step in driver.steps[:60] if step.kind == "placebo"]
    assert len({step.init_draw for step in placebos}) == len(placebos)
    assert min(step.init_draw for step in placebos) > plan.preset.search.noise_draws
    for step in placebos:
        assert (step.cell, step.gated, step.raced, step.filter, step.parent) == (GRU, True, True, None, "")
        assert [stage.settings for stage in step.stages] == [plan.settings[task][:2] for task in TASKS]
        drawn = [trial for trial in driver.trained if trial.init_draw == step.init_draw]
        assert drawn and {trial.cell for trial in drawn} == {GRU}
        assert min(trial.steps for trial in drawn) == 10


def test_a_clone_that_fails_at_the_gate_counts_and_has_no_fitness() -> None:
    class BadClones(World):
        def __call__(self, trial: Trial) -> Outcome:
            bad = trial.cell == GRU and trial.init_draw > 3
            return Outcome("diverged", reason="loss nan") if bad else super().__call__(trial)

    told = Driver(plan_with(0.1), BadClones()).run(40).told
    assert (told.counts.placebos, told.placebos, told.best_placebo) == (4, [], None)


def test_a_space_that_is_used_up_ends_for_all_the_clones() -> None:
    driver = Driver(plan_with(0.25, start=("gru",), reexamine=0.0), World(fails=0.9)).run(30)
    told = driver.told
    nothing = [step.kind for step in driver.steps[:30]]
    counted = 0
    for kind in nothing:
        counted = counted if kind == "placebo" else counted + 1 if kind == "nothing" else 0
    assert told.steps_without_news == counted


def test_without_a_share_a_search_is_as_it_was() -> None:
    assert not any(step.kind == "placebo" for step in Driver(plan_with(0.0)).run(60).steps)
