"""How long a search will take is said before it starts, from trials that have ended here, or said to be unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from archsearch.actions.estimate import estimate, estimate_words
from archsearch.actions.listener import EventListener, SearchLimits
from archsearch.actions.loop import SearchLoop
from archsearch.actions.step_time import whole_trial_seconds
from archsearch.cell import library
from archsearch.protocol.records import Outcome, Trial
from archsearch.store import RunStore, make_run
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.trial_log import MemoryTrialLog
from tests.helpers.in_process import InstantPool
from tests.helpers.plans import World, done, preset, run_plan

LIMITS = SearchLimits(max_candidates=100)


def two_seconds(trial: Trial) -> Outcome:
    return replace(done(0.5), seconds=2.0)


def nothing(trial: Trial) -> None:
    return None


def test_without_a_trial_here_nothing_is_known_and_that_is_said() -> None:
    found = estimate(run_plan(), 2, LIMITS, nothing)
    assert found.references > 0 and (found.known, found.least_rate, found.most_seconds) == (0, None, None)
    assert "once those of the GRU have ended" in estimate_words(found)


def test_what_short_trials_measure_stands_in_until_trials_have_ended_here() -> None:
    plan = run_plan()
    measured = {task.name: 4.0 for task in plan.tasks}
    found = estimate(plan, 2, LIMITS, nothing, measured)
    assert found.known == 0 and found.seconds_before == pytest.approx(found.references * 4.0 / 2)
    assert estimate(plan, 2, LIMITS, two_seconds, measured) == estimate(plan, 2, LIMITS, two_seconds)
    assert estimate(plan, 2, LIMITS, nothing, {plan.tasks[0].name: 4.0}).least_rate is None


def test_a_whole_trial_takes_as_many_steps_as_the_fastest_short_one_took_seconds() -> None:
    plan, asked = run_plan(), list[Trial]()

    def answer(trial: Trial) -> Outcome:
        asked.append(trial)
        return replace(done(0.5), seconds=1.0 + 0.5 * (trial.init_draw == 0), steps=trial.steps)

    gru = library.load("gru")
    pool = InstantPool(answer)
    dispatcher = Dispatcher(MemoryTrialLog(), pool, lambda cell: gru)  # type: ignore[arg-type]
    assert whole_trial_seconds(plan, gru, dispatcher, 60) == {"arithmetic": 2.0, "xml": 2.0}
    assert {trial.steps for trial in asked} == {10}, "an epoch, half of a whole trial"
    pool.answer = lambda trial: done(0.5)
    slow = Dispatcher(MemoryTrialLog(), pool, lambda cell: gru)  # type: ignore[arg-type]
    assert whole_trial_seconds(plan, gru, slow, 60) == {}, "of what took no time nothing is said"


def test_a_search_says_how_long_it_takes_once_the_gru_has_been_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path / "cache"))
    folder, said = tmp_path / "run", list[str]()
    make_run(folder, run_plan())
    listener = EventListener(lambda event: said.append(event) if isinstance(event, str) else None)
    for _ in range(2):
        with RunStore.open(folder, write=True) as store:
            pool = InstantPool(lambda trial: replace(World()(trial), seconds=2.0))
            dispatcher = Dispatcher(store.trials, pool, store.cells.read)  # type: ignore[arg-type]
            SearchLoop(
                store, store.facts.plan, dispatcher, SearchLimits(max_candidates=2), listener, lambda: False
            ).run()
    told = [words for words in said if "candidates a minute" in words]
    assert len(told) == 1 and "2 candidates take at most" in told[0], "of the first session alone"


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
