"""The study of generalisation: what is other under each condition, and what a row says."""

from __future__ import annotations

import dataclasses
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.errors import InputError
from archsearch.protocol.settings import Setting
from archsearch.studies import generalize, trained
from archsearch.studies.conditions import (
    LENGTHS,
    LeaningGenerator,
    check_task_with_length,
    scored_conditions,
    training_windows,
)
from archsearch.studies.generalize import (
    GeneralizePlan,
    GeneralizeRun,
    generalize_rows,
    generalize_run,
    run_generalizations,
)

PLAN = GeneralizePlan("memorization", 60, Setting("adamw", 0.02, 1.0, 1.0, 1, 1_500))
NAMES = ["as trained", "x2", "x10", "noise 0.05", "noise 0.2", "shifted"]


@pytest.mark.parametrize("name", LENGTHS)
def test_every_task_has_all_conditions_and_longer_ones_are_longer(name: str) -> None:
    found = scored_conditions(name, 4)
    assert list(found) == NAMES
    windows = {key: next(of) for key, (_, of) in found.items()}
    assert all(np.isfinite(window.inputs).all() for window in windows.values())
    if name in ("adding", "order"):
        lengths = [len(windows[key].scored) for key in ("as trained", "x2", "x10")]
        assert lengths[1] == pytest.approx(2 * lengths[0], rel=0.2)
        assert lengths[2] == pytest.approx(10 * lengths[0], rel=0.2)
    assert {task.symbols for task, _ in found.values()} == {LENGTHS[name](1).symbols}


@pytest.mark.parametrize("name", ["memorization", "adding"])
def test_noise_changes_inputs_alone_and_as_many_as_is_said(name: str) -> None:
    found = scored_conditions(name, 50)
    plain, noisy = (list(islice(found[key][1], 20)) for key in ("as trained", "noise 0.2"))
    inputs = [np.concatenate([window.inputs[:20] for window in windows]) for windows in (plain, noisy)]
    for one, other in zip(plain, noisy, strict=True):
        assert np.array_equal(one.targets, other.targets) and np.array_equal(one.scored, other.scored)
    if name == "adding":
        assert (inputs[0] - inputs[1]).std() == pytest.approx(0.2, rel=0.05)
    else:
        assert (inputs[0] != inputs[1]).mean() == pytest.approx(0.2 * 8 / 9, rel=0.1)


def test_a_leaning_generator_makes_low_numbers_commoner_and_leaves_a_choice_of_two_even() -> None:
    rng = LeaningGenerator(np.random.PCG64(0))
    drawn = rng.integers(3, 13, size=40_000)
    assert (drawn.min(), drawn.max()) == (3, 12) and (drawn < 8).mean() == pytest.approx(0.5**0.5, abs=0.01)
    assert rng.integers(2, size=40_000).mean() == pytest.approx(0.5, abs=0.01)
    assert rng.uniform(-1, 1, size=40_000).mean() == pytest.approx(-1 / 3, abs=0.02)


def test_the_data_of_training_depend_on_the_seed_and_are_none_of_the_test() -> None:
    first, again, other = (next(training_windows("xml", 4, seed)).inputs for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert not np.array_equal(first, next(scored_conditions("xml", 4)["as trained"][1]).inputs)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generalize, "SCORED_WINDOWS", 3)
    monkeypatch.setattr(trained, "default_engine", lambda device: "interpreter")


@pytest.mark.usefixtures("small")
def test_a_run_scores_a_trained_cell_under_every_condition() -> None:
    run, again = (generalize_run(library.load("gru"), PLAN, 1) for _ in range(2))
    assert replace(run, seconds=0.0, microseconds=0.0) == replace(again, seconds=0.0, microseconds=0.0)
    assert list(run.skills) == NAMES and run.microseconds > 0
    assert run.skills["as trained"] > run.skills["noise 0.2"] and run.skills["as trained"] > run.skills["x10"]
    assert run.products == 6 * run.units**2 + 9 * run.units


@pytest.mark.usefixtures("small")
def test_a_cell_that_diverges_has_no_skills(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generalize, "train_model", lambda *given, measure: False)
    run = generalize_run(library.load("gru"), PLAN, 1)
    (row,) = generalize_rows({"gru": [run]}, "gru")
    assert run.skills == {} and row.diverged == 1


def test_ratios_are_those_of_mean_skills_and_none_where_the_gru_learned_nothing() -> None:
    gru = GeneralizeRun("g", PLAN, 0, 9, {"as trained": 0.5, "x2": 0.01}, 1, 2.0, 3.0)
    one = replace(gru, cell="c", skills={"as trained": 0.25, "x2": 0.4})
    failed = replace(one, skills={})
    rows = generalize_rows({"gru": [gru], "other": [one, failed]}, "gru")
    assert rows[1].ratios == {"as trained": 0.25, "x2": None} and rows[1].diverged == 1
    assert rows[0].ratios["as trained"] == 1


def test_runs_of_the_same_plan_are_kept_here_too(tmp_path: Path) -> None:
    made = []

    def fake(cell: object, plan: GeneralizePlan, seed: int, progress: object) -> GeneralizeRun:
        made.append(seed)
        return GeneralizeRun("g", plan, seed, 9, {}, 1, 2.0, 3.0)

    runs = dataclasses.replace(run_generalizations, make=fake)
    for trials in (1, 2):
        runs(library.load("gru"), PLAN, range(trials), tmp_path)
    runs(library.load("gru"), replace(PLAN, steps=7), range(1), tmp_path)
    assert made == [0, 1, 0]


def test_a_task_without_a_length_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no task with a length 'oder' \(did you mean 'order'"):
        check_task_with_length("oder")
