"""A run in a simulated world, searched in before, with test scores in its records that nobody outside may be told."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from archsearch.cell import library
from archsearch.protocol.claims import Claim, PairResult
from archsearch.protocol.records import Outcome, ReadOut, Trial
from archsearch.store import RunStore, make_run, read_leaderboard
from tests.helpers.in_process import search_on
from tests.helpers.plans import World, preset, run_plan, task_plan

TEST_ACCURACY, TEST_NLL, TEST_SKILL = 0.9182736455, 1.1827364555, 0.7364519283
"""Test scores that nothing else is like."""

MINE = "cell mine(x, h):\n    h' = h + tanh(linear(x) + linear(h, bias=none))\n"
"""A cell that the run does not have."""


def answer(trial: Trial) -> Outcome:
    """Return how a trial ends there."""
    read = (ReadOut(256, TEST_ACCURACY),)
    return replace(World(fails=0.3)(trial), test_accuracy=TEST_ACCURACY, test_nll=TEST_NLL, read_outs=read)


def make_told_run(folder: Path) -> Path:
    """Make the run, with a ruling on its best found cell."""
    make_run(folder, run_plan(preset({"xml": task_plan(k=2, G=6)}, look_ahead=3, noise_draws=1)))
    search_on(folder, 6, answer=answer)
    with RunStore.open(folder) as store:
        assert any(outcome.test_accuracy == TEST_ACCURACY for _, outcome in store.trials.ended())
    with RunStore.open(folder, write=True) as store:
        best = next(row for row in read_leaderboard(store, "run").rows if row.is_found)
        claim = Claim.of(store.facts.plan, best.id, library.load("gru").id, 2)
        store.claims.keep(1, claim, {"xml": (PairResult(TEST_SKILL, TEST_SKILL / 2),) * 3})
    return folder


def assert_no_test_score(told: str) -> None:
    """Hold what was told against the test scores."""
    for score in (TEST_ACCURACY, TEST_NLL, TEST_SKILL, TEST_SKILL / 2):
        assert str(score)[:8] not in told, "a test score was told"
    assert "test_" not in told
