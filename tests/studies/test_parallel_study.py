"""The study of Newton steps: runs that are kept, rows of their medians, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.errors import InputError
from archsearch.protocol.settings import Setting
from archsearch.studies import parallel, trained
from archsearch.studies.parallel import (
    AlongTime,
    ParallelPlan,
    ParallelRun,
    check_whole_gradient,
    parallel_row,
    parallel_run,
    run_parallels,
)

PLAN = ParallelPlan("s3", 10, Setting("adamw", 0.01, 1.0, 1.0, 1, 500), (8, 20), 20)
RUN = ParallelRun(
    cell="c0",
    plan=PLAN,
    seed=0,
    units=5,
    before=AlongTime({8: 2, 20: 3}, -0.5),
    after=AlongTime({8: 4, 20: None}, 0.1),
    skills={"as trained": 0.6, "x10": 0.2},
    seconds=1.0,
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train in the interpreter, and score on few windows."""
    monkeypatch.setattr(parallel, "SCORED_WINDOWS", 5)
    monkeypatch.setattr(trained, "default_engine", lambda device: "interpreter")


@pytest.mark.usefixtures("small")
def test_a_run_measures_trains_and_measures_and_is_the_same_again() -> None:
    run, again = (parallel_run(library.load("gru"), PLAN, 1) for _ in range(2))
    assert replace(run, seconds=0.0) == replace(again, seconds=0.0)
    assert run.after is not None and run.after.exponent != run.before.exponent
    assert list(run.before.steps) == [8, 20] and {*run.skills} == {"as trained", "x10"} and run.units > 2


@pytest.mark.usefixtures("small")
def test_without_training_the_initial_weights_alone_are_measured() -> None:
    run = parallel_run(library.load("mingru"), replace(PLAN, steps=0), 0)
    assert (run.after, run.skills, run.before.steps) == (None, {}, {8: 1, 20: 1})


@pytest.mark.usefixtures("small")
def test_the_inputs_of_a_task_of_real_numbers_and_of_symbols_are_as_long_as_asked() -> None:
    for task in ("adding", "memorization"):
        run = parallel_run(library.load("tanh_rnn"), replace(PLAN, task=task, steps=0), 0)
        assert list(run.before.steps) == [8, 20]


def test_runs_of_the_same_plan_are_kept(tmp_path: Path) -> None:
    made = []

    def fake(cell: object, plan: ParallelPlan, seed: int, progress: object) -> ParallelRun:
        made.append(seed)
        return replace(RUN, plan=plan, seed=seed)

    runs = dataclasses.replace(run_parallels, make=fake)
    cell = library.load("gru")
    first = runs(cell, PLAN, range(2), tmp_path)
    assert runs(cell, PLAN, range(3), tmp_path)[:2] == first and made == [0, 1, 2]
    runs(cell, replace(PLAN, most=30), range(1), tmp_path)
    assert made == [0, 1, 2, 0]


def test_a_row_holds_medians_and_one_beyond_those_allowed_is_above_all() -> None:
    other = replace(RUN, seed=1, after=AlongTime({8: 6, 20: 9}, None))
    diverged = replace(RUN, seed=2, before=AlongTime({8: 1, 20: 4}, -0.4), after=None, skills={})
    row = parallel_row("gru", library.load("gru"), [RUN, other, diverged])
    assert (row.jacobian, row.runs, row.diverged, row.units) == ("dense", 3, 1, 5)
    assert row.before.steps == {8: 2, 20: 3} and row.before.exponent == -0.5
    assert row.after is not None and row.after.steps == {8: 5, 20: None} and row.after.exponent is None
    assert row.skills == {"as trained": pytest.approx(0.4), "x10": pytest.approx(0.4 / 3)}


def test_a_cell_that_keeps_gradients_of_its_state_back_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"lstm_1997 keeps gradients of its state back \(stop\).*leave stop out"
    ):
        check_whole_gradient(library.load("lstm_1997"))
    check_whole_gradient(library.load("gru"))


def test_a_cell_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="more than 20 parameters"):
        parallel_run(library.load("gru"), replace(PLAN, setting=replace(PLAN.setting, budget=20)), 0)
