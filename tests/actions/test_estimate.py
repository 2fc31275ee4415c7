"""How long a search will take is said before it starts, from trials that have ended here, or said to be unknown."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from archsearch.actions.estimate import estimate, estimate_words
from archsearch.actions.listener import SearchLimits
from archsearch.protocol.records import Outcome, Trial
from tests.helpers.plans import done, preset, run_plan

LIMITS = SearchLimits(max_candidates=100)


def two_seconds(trial: Trial) -> Outcome:
    return replace(done(0.5), seconds=2.0)


def nothing(trial: Trial) -> None:
    return None


def test_without_a_trial_here_nothing_is_known_and_that_is_said() -> None:
    found = estimate(run_plan(), 2, LIMITS, nothing)
    assert found.references > 0 and (found.known, found.least_rate, found.most_seconds) == (0, None, None)
    assert "not known yet" in estimate_words(found)


def test_the_rate_follows_from_what_trials_took_here() -> None:
    plan = run_plan(preset(reexamine=0.5))
    found = estimate(plan, 2, LIMITS, two_seconds)
    whole = sum(2.0 * task.rules.k for task in plan.tasks)
    assert found.known == found.references and found.seconds_before == 0
    assert found.least_rate == pytest.approx(60 * 2 / (2 * whole))
    assert found.most_seconds == pytest.approx(100 * 60 / found.least_rate)
    assert "100 candidates take at most" in estimate_words(found)


def test_what_was_not_trained_yet_takes_as_long_as_what_was() -> None:
    plan = run_plan()
    gru = estimate(plan, 1, LIMITS, lambda trial: two_seconds(trial) if not trial.init_draw else None)
    clones = gru.references - gru.known
    assert clones > 0 and gru.seconds_before == pytest.approx(2.0 * clones)
    assert estimate(plan, 2, LIMITS, two_seconds).least_rate == pytest.approx(
        2 * (estimate(plan, 1, LIMITS, two_seconds).least_rate or 0)
    )


def test_one_task_of_which_nothing_is_known_leaves_all_unknown() -> None:
    found = estimate(
        run_plan(), 2, LIMITS, lambda trial: two_seconds(trial) if trial.task == "xml:small" else None
    )
    assert found.known > 0 and found.least_rate is None
