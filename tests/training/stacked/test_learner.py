"""Trials in a stack: each takes the course of a single run, and its outcome does not depend on the others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace

from archsearch.cell import Cell, library
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.settings import Setting
from archsearch.protocol.stacks import alike
from archsearch.tasks import load
from archsearch.training import Streams, run_trial, run_trials

SETTING = Setting("adamw", 0.01, 5.0, 1.0, 1, 3_000)
OWN: list[dict[str, Any]] = [
    {},
    {"rate": 0.03, "clip": 1.0},
    {"scale": 0.7, "budget": 2_500},
    {"rate": 0.1, "budget": 3_500},
    {"rate": 0.003},
]
"""Five settings, of three widths."""


@cache
def streams(task: str) -> Streams:
    return Streams(load(task), "cpu")


def trials(own: Sequence[dict[str, Any]] = OWN, cell: Cell | None = None, **changes: Any) -> list[Trial]:
    setting = changes.pop("setting", SETTING)
    trial = Trial(
        cell=(cell or library.load("gru")).id,
        task="arithmetic:small",
        setting=setting,
        seed=0,
        init_draw=0,
        measure="accuracy",
        steps=20,
        epoch_steps=8,
        batch=4,
        unroll=12,
        validation=3,
        data="",
        engine="stacked 1",
        machine="test",
    )
    return [replace(trial, setting=replace(setting, **one), **changes) for one in own]


def run(of: Sequence[Trial], cell: Cell | None = None) -> list[Outcome]:
    found = run_trials(of, cell or library.load("gru"), streams(of[0].task))
    return [replace(outcome, seconds=0.0) for outcome in found]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"setting": replace(SETTING, optimiser="sgd", layers=2)},
        {"measure": "nll", "task": "english:small"},
        {"schedule": "halving", "epoch_steps": 1, "steps": 30},
        {"task": "memorization:small", "stop_at": 0.2, "epoch_steps": 2},
    ],
    ids=str,
)
def test_five_trials_in_a_stack_take_the_courses_of_five_single_runs(changes: dict[str, Any]) -> None:
    stacked = trials(**changes)
    alone = [
        run_trial(replace(t, engine="reference 1"), library.load("gru"), streams(t.task)) for t in stacked
    ]
    outcomes = run(stacked)
    assert len({outcome.units for outcome in outcomes}) == 3
    for ours, theirs in zip(outcomes, alone, strict=True):
        assert [point.step for point in ours.curve] == [point.step for point in theirs.curve]
        for a, b in zip(ours.curve, theirs.curve, strict=True):
            assert a.nll == pytest.approx(b.nll, rel=1e-3) and a.accuracy == pytest.approx(
                b.accuracy, abs=0.03
            )
        assert (ours.status, ours.units, ours.steps) == (theirs.status, theirs.units, theirs.steps)
        assert ours.parameters == theirs.parameters
        assert ours.test_nll == (theirs.test_nll and pytest.approx(theirs.test_nll, rel=1e-2))


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_an_outcome_does_not_depend_on_what_else_is_in_the_stack(dropout: float) -> None:
    of = trials(setting=replace(SETTING, dropout=dropout))
    together = run(of)
    assert run(of[:1]) == together[:1]
    assert run(of[::-1]) == together[::-1]
    assert run([of[2], of[4]]) == [together[2], together[4]]


def test_trials_of_other_widths_than_a_stack_has_make_several() -> None:
    of = trials([{}, {"budget": 90_000}, {"rate": 0.03}], steps=8)
    outcomes = run(of)
    assert [outcome.units > 64 for outcome in outcomes] == [False, True, False]
    assert run(of[1:2]) == outcomes[1:2]


def test_more_trials_than_a_stack_has_lanes_make_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsearch.training.stacked.learner.lanes", lambda n: 2)
    of = trials(steps=8)
    assert [run([one]) for one in of] == [[outcome] for outcome in run(of)]


def test_a_trial_that_diverges_says_why_and_changes_nothing_for_the_others() -> None:
    cell = Cell.parse("cell wild(x, h):\n    h' = linear(x) + 3 * h\n")
    settings = [{"rate": 1e-4}, {"rate": 0.01}, {"rate": 1e-4, "scale": 1e-30}]
    of = trials(settings, cell, steps=50, epoch_steps=5)
    outcomes = run(of, cell)
    alone = [run_trial(replace(t, engine="reference 1"), cell, streams(t.task)) for t in of]
    assert [(o.status, o.reason, o.steps) for o in outcomes] == [(o.status, o.reason, o.steps) for o in alone]
    assert outcomes[0].status == "diverged" and outcomes[0].reason
    assert [run([one], cell) for one in of] == [[outcome] for outcome in outcomes]


def test_a_validation_that_is_not_finite_ends_a_course() -> None:
    of = trials([{}, {"rate": 1e300}], setting=replace(SETTING, optimiser="sgd"), steps=4, epoch_steps=1)
    outcomes = run(of)
    assert [(o.status, o.reason, o.steps) for o in outcomes] == [
        ("done", "", 4),
        ("diverged", "validation NLL nan at step 1", 1),
    ]
    assert run(of[:1]) == outcomes[:1]


def test_the_test_score_is_taken_at_the_best_step() -> None:
    (longer,) = run(trials([{"rate": 0.1}], steps=30, epoch_steps=2))
    (shorter,) = run(trials([{"rate": 0.1}], steps=longer.best_step, epoch_steps=2))
    assert shorter.best_step == longer.best_step < 30
    assert (shorter.test_accuracy, shorter.test_nll) == (longer.test_accuracy, longer.test_nll)


def test_only_what_a_lane_has_of_its_own_may_differ_in_a_stack() -> None:
    first, *others = trials()
    assert {alike(other) for other in others} == {alike(first)} == {alike(replace(first, init_draw=3))}
    for change in (
        {"seed": 1},
        {"steps": 7},
        {"setting": replace(SETTING, layers=2)},
        {"engine": "stacked 2"},
    ):
        assert alike(replace(first, **change)) != alike(first)


def test_a_stacked_trial_never_trains_on_something_else() -> None:
    alone, *_ = of = trials()
    outcome = replace(run_trial(alone, library.load("gru"), streams(alone.task)), seconds=0.0)
    assert outcome == run(of)[0], "alone, it has the bits of its stack"
    elsewhere = run_trial(replace(alone, engine="reference 1"), library.load("gru"), streams(alone.task))
    assert outcome.curve != elsewhere.curve, "which are not the interpreter's"
