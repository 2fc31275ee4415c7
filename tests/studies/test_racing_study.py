"""The study of racing: what it counts, on trials whose curves are known."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from archsearch.protocol.preset import RaceRules
from archsearch.protocol.records import Outcome, Validation
from archsearch.studies.racing import Heat, study
from tests.helpers.plans import FACTS, done, preset, run_plan, task_plan

COURSE = task_plan(steps=40, epoch_steps=10, rungs=(10, 20))
PLAN = run_plan(replace(preset({"xml": COURSE}), race=RaceRules(0.5, 0.5)))
FIRST, SECOND = PLAN.settings["xml"][:2]


def trial(*skills: float) -> Outcome:
    """Return a trial with such skills after 10, 20, 30 and 40 steps."""
    facts = FACTS["xml"]
    scores = [facts.floor + skill * (facts.ceiling - facts.floor) for skill in skills]
    points = tuple(Validation(10 * step, score, 1.0) for step, score in enumerate(scores, 1))
    return replace(done(max(scores)), curve=points, steps=40)


GRU = trial(0.1, 0.2, 0.3, 0.4)


def heat(one: Outcome, two: Outcome) -> Heat:
    return Heat(PLAN, "xml", {FIRST: one, SECOND: two}, {FIRST: GRU, SECOND: GRU})


def test_a_good_late_starter_that_a_rung_would_stop_is_a_lost_winner() -> None:
    rows = {row.rungs: row for row in study([heat(trial(0.02, 0.2, 0.3, 0.5), trial(0.1, 0.2, 0.3, 0.38))])}
    assert list(rows) == [(10,), (20,), (30,), (10, 20)]
    assert (rows[(10,)].winners, rows[(10,)].lost, rows[(10,)].saved) == (1, 1.0, 30 / 80)
    assert rows[(10,)].cost == pytest.approx((0.5 - 0.38) / 0.4)
    assert (rows[(20,)].lost, rows[(20,)].cost, rows[(20,)].saved) == (0.0, 0.0, 0.0)


def test_a_hopeless_candidate_is_no_winner_and_saves_what_both_settings_would_have_taken() -> None:
    (first, *_) = study([heat(trial(0.01, 0.02, 0.03, 0.04), trial(0.02, 0.03, 0.04, 0.05))])
    assert (first.winners, first.lost, first.saved) == (0, 0.0, 60 / 80)


def test_the_rank_correlation_is_that_of_a_rungs_skills_with_the_final_ones() -> None:
    rising, falling = heat(trial(0.1, 0.2, 0.3, 0.4), trial(0.2, 0.3, 0.4, 0.5)), trial(0.3, 0.1, 0.1, 0.1)
    assert study([rising, rising])[0].rho == pytest.approx(1.0)
    assert study([rising, heat(falling, falling)])[0].rho < 1.0, (
        "a best score so far never falls, but others pass it"
    )


def test_another_rule_than_the_presets_can_be_asked_for() -> None:
    found = [heat(trial(0.1, 0.2, 0.3, 0.4), trial(0.09, 0.18, 0.27, 0.36))]
    assert study(found)[0].saved == 0.0
    assert study(found, RaceRules(0.95, 0.0))[0].saved == 30 / 80
