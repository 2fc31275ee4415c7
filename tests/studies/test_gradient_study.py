"""The study of gradients: tasks of any lag, runs that are kept, and rows of their medians."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.errors import InputError
from archsearch.protocol.settings import Setting
from archsearch.studies import trained
from archsearch.studies.gradient import GradientRow, check_lag_task, gradient_row, run_gradients
from archsearch.studies.lags import gradient_run as gradient_run_module
from archsearch.studies.lags.gradient_run import GradientPlan, GradientRun, gradient_run
from archsearch.studies.lags.lag_tasks import LAG_TASKS
from archsearch.tasks.first_windows import check_first_windows

PLAN = GradientPlan("noise", 10, 100, Setting("adamw", 0.01, 1.0, 1.0, 1, 600))
RUN = GradientRun("c0", PLAN, 0, 5, {10: -3.0, 1000: None}, {10: -1.0, 1000: -90.0}, 0.95, True, 1.0)


@pytest.fixture
def few_lags(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure up to 30 steps and no further, and test on few."""
    monkeypatch.setattr(gradient_run_module, "LAGS", (1, 30))
    monkeypatch.setattr(gradient_run_module, "TEST_WINDOWS", 3)
    monkeypatch.setattr(trained, "default_engine", lambda device: "interpreter")


@pytest.mark.parametrize("name", LAG_TASKS)
@pytest.mark.parametrize("lag", [10, 37, 300])
def test_what_must_be_remembered_lies_a_lag_before_the_answer(name: str, lag: int) -> None:
    task = LAG_TASKS[name](lag)
    check_first_windows(task)
    window = next(task.windows("train", np.random.default_rng(0), 200, 1))
    answers = window.scored.argmax(axis=0)
    told = window.inputs[..., 1] == 1 if name == "adding" else window.inputs >= (6 if name == "order" else 10)
    last = len(told) - 1 - told[::-1].argmax(axis=0)
    assert lag <= (answers - last).min() <= 1.3 * lag + 4


@pytest.mark.usefixtures("few_lags")
def test_a_run_measures_trains_and_tests_and_is_the_same_again() -> None:
    run = gradient_run(library.load("gru"), PLAN, 1)
    again = gradient_run(library.load("gru"), PLAN, 1)
    assert replace(run, seconds=0.0) == replace(again, seconds=0.0)
    assert run.before != run.after and run.before.keys() == run.after.keys() and run.skill is not None
    assert run.units > 2 and set(run.before) == {1, 10, 30}


@pytest.mark.usefixtures("few_lags")
def test_without_sequences_the_initial_weights_alone_are_measured() -> None:
    plan = replace(PLAN, sequences=0, normal=True)
    run = gradient_run(library.load("gru"), plan, 0)
    assert (run.after, run.skill, run.solved) == ({}, None, False)
    assert run.before != gradient_run(library.load("gru"), replace(plan, normal=False), 0).before


def test_a_cell_that_does_not_fit_is_refused() -> None:
    plan = replace(PLAN, setting=replace(PLAN.setting, budget=20))
    with pytest.raises(InputError, match="more than 20 parameters"):
        gradient_run(library.load("gru"), plan, 0)


def test_runs_of_the_same_plan_are_kept(tmp_path: Path) -> None:
    made = []

    def fake(cell: object, plan: GradientPlan, seed: int, progress: object) -> GradientRun:
        made.append(seed)
        return replace(RUN, plan=plan, seed=seed)

    runs = dataclasses.replace(run_gradients, make=fake)
    cell = library.load("gru")
    first = runs(cell, PLAN, range(2), tmp_path)
    assert runs(cell, PLAN, range(3), tmp_path)[:2] == first and made == [0, 1, 2]
    runs(cell, replace(PLAN, lag=30), range(1), tmp_path)
    assert made == [0, 1, 2, 0]


def test_a_row_holds_medians_and_shares() -> None:
    failed = replace(RUN, seed=1, before={10: -5.0, 1000: None}, after={}, skill=None, solved=False)
    other = replace(RUN, seed=2, before={10: -4.0, 1000: -500.0})
    row: GradientRow = gradient_row("gru", [RUN, failed, other])
    assert (row.before, row.after, row.solved, row.diverged) == (-4.0, -1.0, pytest.approx(2 / 3), 1)
    assert row.curve_before == {10: -4.0, 1000: None}


def test_a_task_without_a_lag_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no task of a chosen lag 'noises' \(did you mean 'noise'"):
        check_lag_task("noises")
