"""Racing: what a rung stops, what goes on, and that the order in which trials end decides nothing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from archsearch.protocol.evaluation import Waiting, evaluate
from archsearch.protocol.preset import RaceRules
from archsearch.protocol.racing import possible_trials, score_at, survivors
from archsearch.protocol.records import Outcome, Stage, Step, Trial, Validation, Verdict
from archsearch.protocol.references import noise_trials
from archsearch.protocol.settings import Setting
from tests.helpers.plans import FACTS, GRU, chance, done, named, preset, run_plan, task_plan

RUNGS = (100, 200)
COURSE = task_plan(steps=400, epoch_steps=50, rungs=RUNGS, k=4)
PLAN = run_plan(replace(preset({"xml": COURSE}), race=RaceRules(trailing=0.7, behind=0.5)))
SETTINGS = PLAN.settings["xml"][:4]
STEP = Step(9, "propose", "c1", GRU, stages=(Stage("xml", SETTINGS),), raced=True)
FACT = FACTS["xml"]


def curve(skills: dict[int, float]) -> Outcome:
    """Return a finished trial with a validation of such a skill after so many steps."""
    points = [
        Validation(step, FACT.floor + skill * (FACT.ceiling - FACT.floor), 1.0)
        for step, skill in skills.items()
    ]
    best = max(points, key=lambda point: point.accuracy)
    return replace(done(best.accuracy), best_step=best.step, steps=points[-1].step, curve=tuple(points))


def grown(trial: Trial, final: float) -> Outcome:
    """Return how a trial ends that learns evenly."""
    return curve({step: final * step / COURSE.steps for step in range(50, trial.steps + 1, 50)})


def race(
    finals: dict[Setting, float | Outcome], gru: float = 0.4
) -> tuple[list[list[int]], dict[Setting, int], Verdict]:
    """Return for each round the steps of what was asked, the steps each setting was given, and the verdict."""
    known = {trial: grown(trial, gru) for setting in SETTINGS if (trial := PLAN.trial(GRU, "xml", setting))}
    rounds = []
    while isinstance(found := evaluate(PLAN, STEP, known.get, {}, {}), Waiting):
        rounds.append([trial.steps for trial in found.trials])
        for trial in found.trials:
            final = finals[trial.setting]
            known[trial] = final if isinstance(final, Outcome) else grown(trial, final)
    return rounds, {setting: tried.steps for setting, tried in found.tries["xml"].items()}, found.verdict


def test_a_rung_stops_settings_far_behind_the_cells_own_best() -> None:
    late = curve({50: 0.09, 100: 0.09})
    rounds, given, verdict = race(dict(zip(SETTINGS, (0.34, late, 0.5, 0.36), strict=True)))
    assert rounds == [[100] * 4, [200] * 3, [400] * 2]
    assert list(given.values()) == [100, 200, 400, 400], (
        "a stopped trial is a trial of the steps that it was given"
    )
    assert verdict == Verdict("evaluated", 1)


def test_a_setting_far_behind_the_gru_on_the_same_setting_stops_even_if_it_is_the_best() -> None:
    rounds, given, _ = race(dict.fromkeys(SETTINGS, 0.19))
    assert rounds == [[100] * 4] and set(given.values()) == {100}
    assert race(dict.fromkeys(SETTINGS, 0.21))[0] == [[100] * 4, [200] * 4, [400] * 4]


def test_a_trial_that_diverged_or_that_the_host_ended_goes_no_further() -> None:
    finals = dict(
        zip(SETTINGS, (Outcome("diverged", reason="nan"), Outcome("crashed"), 0.4, 0.3), strict=True)
    )
    rounds, given, _ = race(finals)
    assert rounds == [[100] * 4, [200] * 2, [400] * 2]
    assert given == {SETTINGS[0]: 100, SETTINGS[2]: 400, SETTINGS[3]: 400}, (
        "and what the host ended is no try"
    )


@pytest.mark.parametrize("skill", [0.01, 0.0, -0.01])
@pytest.mark.parametrize("other", [None, 0.0, -0.1])
def test_nobody_is_stopped_where_nobody_has_learned_anything(skill: float, other: float | None) -> None:
    skills: dict[Setting, float | None] = dict.fromkeys(SETTINGS, skill)
    assert len(survivors(RaceRules(0.9, 0.9), skills, dict.fromkeys(SETTINGS, other))) == 4


def test_a_setting_exactly_at_a_limit_goes_on_and_one_below_it_stops() -> None:
    best, at, below, diverged = SETTINGS
    skills = {best: 0.5, at: 0.25, below: 0.2499, diverged: None}
    assert survivors(RaceRules(trailing=0.5, behind=0.0), skills, {}) == (best, at), "half of its own best"
    gru = dict.fromkeys(SETTINGS, 1.0)
    assert survivors(RaceRules(trailing=0.0, behind=0.25), skills, gru) == (best, at), (
        "a quarter of the GRU's"
    )


def test_without_racing_every_setting_is_trained_in_full() -> None:
    whole = [trial for trial in possible_trials(PLAN, replace(STEP, raced=False))]
    assert [trial.steps for trial in whole] == [400] * 4
    assert evaluate(PLAN, replace(STEP, raced=False), lambda trial: None, {}, {}) == Waiting(tuple(whole))


def test_a_score_at_a_rung_is_the_best_validation_up_to_there() -> None:
    outcome = curve({50: 0.1, 100: 0.3, 150: 0.2, 200: 0.4})
    at = {step: score_at(outcome, step, "accuracy") for step in (49, 50, 150, 400)}
    assert at[49] is None
    assert [PLAN.skill("xml", at[step] or 0) for step in (50, 150, 400)] == pytest.approx([0.1, 0.3, 0.4])
    assert score_at(outcome, 400, "nll") == 1.0


def test_clones_of_the_gru_are_raced_like_a_candidate_but_the_baseline_is_not() -> None:
    known: dict[Trial, Outcome] = {}

    def draws() -> list[list[Trial]]:
        return [[each.trial for each in draw.values()] for draw in noise_trials(PLAN, known.get)["xml"]]

    while missing := [trial for draw in draws() for trial in draw if trial not in known]:
        for trial in missing:
            known[trial] = grown(trial, 0.3 + 0.3 * chance("luck", trial.init_draw, named(trial.setting)))
    steps = [sorted(trial.steps for trial in draw) for draw in draws()]
    assert steps[0] == [400] * 4 and all(of[0] == 100 and of[-1] == 400 for of in steps[1:])


@given(st.integers(0, 10**6))
def test_the_order_in_which_the_trials_of_a_rung_end_changes_nothing(seed: int) -> None:
    luck = random.Random(seed)
    finals = {setting: luck.uniform(0.1, 0.6) for setting in SETTINGS}
    rounds, given, verdict = race(finals)
    known = {trial: grown(trial, 0.4) for setting in SETTINGS if (trial := PLAN.trial(GRU, "xml", setting))}
    while isinstance(found := evaluate(PLAN, STEP, known.get, {}, {}), Waiting):
        trial = luck.choice(found.trials)
        known[trial] = grown(trial, finals[trial.setting])
    assert {setting: tried.steps for setting, tried in found.tries["xml"].items()} == given
    assert found.verdict == verdict
    assert set(known) - {PLAN.trial(GRU, "xml", s) for s in SETTINGS} <= set(possible_trials(PLAN, STEP))


@pytest.mark.parametrize("strange", [float("nan"), float("inf"), float("-inf")])
def test_a_validation_that_is_no_number_decides_nothing(strange: float) -> None:
    points = (Validation(50, 0.5, 2.0), Validation(100, strange, strange), Validation(150, 0.4, 3.0))
    outcome = replace(done(0.5), curve=points)
    assert (score_at(outcome, 200, "accuracy"), score_at(outcome, 200, "nll")) == (0.5, 2.0)
    assert score_at(replace(done(0.5), curve=points[1:2]), 200, "nll") is None
