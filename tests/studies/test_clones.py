"""Real clones of the GRU, from which the referee's study draws chance."""

import json

import numpy as np
import pytest

from archsearch.errors import WorkerError
from archsearch.protocol.claims import PairResult
from archsearch.protocol.records import Outcome
from archsearch.studies import referee
from archsearch.studies.clones import TaskClones, check_host
from tests.helpers.commands import TINY, program
from tests.helpers.plans import run_plan

RNG = np.random.default_rng(5)
CLONES = TaskClones(
    task="arithmetic:small",
    runs=tuple(0.44 + 0.02 * RNG.exponential(size=100)),
    pairs=tuple(PairResult(0.44 + value, 0.44) for value in 0.03 * RNG.standard_normal(100)),
)


def test_chance_that_is_drawn_from_clones_has_no_mean_and_unit_spread() -> None:
    world = CLONES.world
    for law in (world.runs, world.pairs):
        values = law(np.random.default_rng(6), (40_000,))
        assert abs(values.mean()) < 0.02 and abs(values.std() - 1) < 0.02
    assert world.skills(np.random.default_rng(6), 40_000).mean() == pytest.approx(
        np.mean(CLONES.runs), abs=1e-3
    )


def test_the_referee_is_not_fooled_by_what_clones_have() -> None:
    report = referee.simulate(np.random.default_rng(7), sessions=100, clones=100, world=CLONES.world)
    assert report.adversaries <= 0.11 and report.one_real_task <= 0.11
    assert [row.law for row in report.coverage] == ["trained"]
    assert {row.rule: row for row in report.rules}["keep if better"].sessions > 0.9


def test_a_trial_that_the_host_ended_is_never_taken_for_a_clone_that_diverged() -> None:
    plan = run_plan()
    trial = plan.trial("c" * 64, plan.tasks[0].name, plan.settings[plan.tasks[0].name][0])
    check_host({trial: Outcome(status="diverged")})
    with pytest.raises(WorkerError, match="1 of 1 trials ended by crash"):
        check_host({trial: Outcome(status="oom", reason="too large")})


@pytest.mark.slow
def test_the_command_trains_clones_once_and_prints_what_they_have() -> None:
    few = ("study", "referee", "--sessions", "10", "--clones", "20", "--trained", "10", "--preset", TINY)
    document, shown = program(*few, "--json"), program(*few)
    assert shown.code == document.code == 0, shown.err + document.err
    (task, *_) = json.loads(document.out)["tasks"]
    assert len(task["runs"]) == len(task["pairs"]) == 10 and task["rules"]
    assert "10 clones of the GRU have a skill of" in shown.out
    assert program(*few, "--json").out == document.out
