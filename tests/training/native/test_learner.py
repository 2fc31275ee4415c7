"""Trials on the native engine: the course and the outcomes of the reference, from the same initial weights."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace

from archsearch.cell import Cell, library
from archsearch.compiler.engines import default_engine
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.settings import Setting
from archsearch.tasks import load
from archsearch.training import Streams, run_trial
from archsearch.training.native.learner import NativeLearner
from archsearch.training.progress import TrialProgress
from archsearch.training.setup import new_learner
from archsearch.training.torch_learner import TorchLearner
from tests.helpers.plans import GRU

pytestmark = pytest.mark.skipif(default_engine() != "native", reason="needs a C++ compiler")

SETTING = Setting("adamw", 0.01, 5.0, 1.0, 1, 3_000)


@cache
def streams(task: str) -> Streams:
    return Streams(load(task), "cpu")


def run(cell: Cell | None = None, engine: str = "native 1", **changes: Any) -> Outcome:
    trial = Trial(
        cell=(cell or library.load("gru")).id,
        task="arithmetic:small",
        setting=SETTING,
        seed=0,
        init_draw=0,
        measure="accuracy",
        steps=20,
        epoch_steps=8,
        batch=4,
        unroll=12,
        validation=3,
        data="",
        engine=engine,
        machine="test",
    )
    trial = replace(trial, **changes)
    return replace(run_trial(trial, cell or library.load("gru"), streams(trial.task)), seconds=0.0)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"setting": replace(SETTING, optimiser="sgd", layers=2)},
        {"measure": "nll", "task": "english:small"},
        {"schedule": "halving", "epoch_steps": 1, "steps": 30, "setting": replace(SETTING, rate=0.3)},
        {"task": "memorization:small", "stop_at": 0.2, "epoch_steps": 2},
    ],
    ids=str,
)
def test_a_trial_takes_the_course_of_the_reference(changes: dict[str, Any]) -> None:
    native, reference = run(**changes), run(engine="reference 1", **changes)
    assert [point.step for point in native.curve] == [point.step for point in reference.curve]
    for ours, theirs in zip(native.curve, reference.curve, strict=True):
        assert ours.nll == pytest.approx(theirs.nll, rel=1e-3) and ours.accuracy == pytest.approx(
            theirs.accuracy, abs=0.03
        )
    assert (native.status, native.units, native.steps) == (reference.status, reference.units, reference.steps)
    assert native.test_nll == (reference.test_nll and pytest.approx(reference.test_nll, rel=1e-2))


def test_a_cell_with_heads_takes_the_course_of_the_reference_on_every_engine() -> None:
    cell = Cell.parse(
        "cell headed(x, h):\n    h' = tanh(linear(x) + linear(h, diag=0.5, bias=none, heads=4))\n"
    )
    reference = run(cell, "reference 1")
    assert reference.units % 4 == 0
    for engine in ("native 1", "stacked 1"):
        found = run(cell, engine)
        assert [point.nll for point in found.curve] == pytest.approx(
            [point.nll for point in reference.curve], rel=1e-3
        )


def test_a_trial_gives_the_same_bits_each_time_in_calls_of_any_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = run()
    assert run() == first
    monkeypatch.setattr("archsearch.training.native.learner.CALL", 1)
    assert run() == first


def test_the_test_score_is_taken_at_the_best_step() -> None:
    longer = run(steps=30, epoch_steps=2, setting=replace(SETTING, rate=0.1))
    shorter = run(steps=longer.best_step, epoch_steps=2, setting=replace(SETTING, rate=0.1))
    assert shorter.best_step == longer.best_step < 30
    assert (shorter.test_accuracy, shorter.test_nll) == (longer.test_accuracy, longer.test_nll)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("h' = exp(exp(linear(x) + linear(h) + 3))", "loss nan at step 1"),
        ("h' = tanh(linear(x) + linear(h)) * sigmoid(1 / (0 * linear(x)))", "gradient norm nan at step 1"),
        ("h' = linear(x) + 3 * h", None),
    ],
)
def test_a_trial_diverges_where_the_reference_does_and_says_why(text: str, reason: str | None) -> None:
    cell = Cell.parse(f"cell wild(x, h):\n    {text}\n")
    changes = {"steps": 50, "epoch_steps": 1}
    native, reference = run(cell, **changes), run(cell, "reference 1", **changes)
    assert (native.status, native.reason, native.steps) == (
        reference.status,
        reference.reason,
        reference.steps,
    )
    assert native.status == "diverged" and reason in (None, native.reason)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_a_rate_of_a_million_is_an_outcome_whatever_becomes_of_it(optimiser: str) -> None:
    outcome = run(setting=replace(SETTING, rate=1e6, optimiser=optimiser))
    assert outcome.status in ("diverged", "done")
    assert (outcome.score is None) == (outcome.status == "diverged") == bool(outcome.reason)
    assert outcome.score is None or math.isfinite(outcome.score)


@pytest.mark.parametrize(
    ("engine", "dropout", "learner"),
    [("native 1", 0.0, NativeLearner), ("native 1", 0.2, TorchLearner), ("reference 1", 0.0, TorchLearner)],
)
def test_dropout_and_the_reference_train_with_torch(engine: str, dropout: float, learner: type) -> None:
    setting = replace(SETTING, dropout=dropout)
    trial = Trial(
        cell=GRU,
        task="arithmetic:small",
        setting=setting,
        seed=0,
        init_draw=0,
        measure="accuracy",
        steps=1,
        epoch_steps=1,
        batch=4,
        unroll=12,
        validation=1,
        data="",
        engine=engine,
        machine="test",
    )
    cell, data = library.load("gru"), streams("arithmetic:small")
    assert type(new_learner([TrialProgress(trial, cell, data.task.symbols)], cell, data)) is learner
