"""Where core time goes is added up by what trials were for, and changes nothing of what they come to."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.protocol.records import Trial
from archsearch.protocol.seeds import FRESH
from archsearch.training.stopwatch import Stopwatch
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.messages import Job, Result
from archsearch.workers.process import shares
from archsearch.workers.spending import Profile, Spending
from archsearch.workers.trial_log import MemoryTrialLog
from tests.helpers.in_process import InstantPool
from tests.helpers.plans import GRU, run_plan

PLAN = run_plan()
MUTANT = library.load("mut2").id


def of(cell: str, **changes: object) -> Trial:
    trial = PLAN.trial(cell, "xml", PLAN.settings["xml"][0])
    return replace(trial, **changes)


@pytest.mark.parametrize(
    ("trial", "purpose"),
    [
        (of(GRU), "references"),
        (of(GRU, init_draw=3), "clones"),
        (of(MUTANT), "candidates"),
        (of(MUTANT, stop_at=0.9), "filter"),
        (of(GRU, seed=FRESH + 1), "verdict"),
        (of(MUTANT, seed=FRESH + 1), "verdict"),
    ],
)
def test_a_trial_is_known_by_its_record(trial: Trial, purpose: str) -> None:
    assert Spending(frozenset([GRU])).purpose(trial) == purpose


def test_what_is_left_of_the_time_that_was_offered_is_told() -> None:
    spending = Spending()
    for _ in range(2):
        spending.add(of(MUTANT), {"training": 2.0, "compile": 1.0})
    profile = Profile(offered=10.0, waited=3.0, seconds=spending.seconds, trials=spending.trials, driver=0.1)
    assert spending.seconds == {"candidates": {"training": 4.0, "compile": 2.0}}
    assert profile.other == pytest.approx(1.0)
    assert profile.as_document()["other"] == pytest.approx(1.0) and profile.trials == {"candidates": 2}
    assert replace(profile, waited=9.0).other == 0.0, "clocks are not the same to the last bit"


def test_trials_that_trained_together_share_their_time() -> None:
    watch = Stopwatch()
    with watch.of("training"):
        time.sleep(0.02)
    with watch.of("training"):
        pass
    spent = shares(watch, 1.0, 4)
    assert 0.005 <= spent["training"] < 0.2
    assert sum(spent.values()) == pytest.approx(0.25)


def test_the_dispatcher_adds_up_what_workers_say_once_for_every_result() -> None:
    class Spender(InstantPool):
        def give(self, worker, job: Job) -> None:  # type: ignore[no-untyped-def]
            worker.job = job
            said = Result(job.number, 0, self.answer(job.trials[0]), {"training": 0.5})
            self.said += [(worker, said), (worker, said)]

    trials = [of(MUTANT), of(GRU)]
    dispatcher = Dispatcher(MemoryTrialLog(), Spender(), lambda cell: library.load("gru"))  # type: ignore[arg-type]
    dispatcher.finish(trials)
    assert dispatcher.spending.trials == {"candidates": 2}
    assert dispatcher.spending.seconds == {"candidates": {"training": 1.0}}
