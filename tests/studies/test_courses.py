"""The course of a run: its budget of trials, what it spends, and the best cell after each step."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from archsearch.protocol.evaluation import count_trials
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Outcome
from archsearch.protocol.references import reference_cells
from archsearch.store import RunStore, make_run, read_history
from archsearch.store.tables import TrialTable
from archsearch.studies.courses import Course, read_course
from tests.helpers.in_process import search_on
from tests.helpers.plans import GRU, preset, run_plan, task_plan


def plan_of(strategy: str = "random", seed: int = 0) -> RunPlan:
    return run_plan(preset({"xml": task_plan(k=2, G=6)}, look_ahead=3, noise_draws=1), strategy, seed)


def searched(folder: Path, trials: int, strategy: str = "random") -> Path:
    make_run(folder, plan_of(strategy))
    search_on(folder, None, trials=trials)
    return folder


def spent(folder: Path) -> list[int]:
    """Return the trials of each told step."""
    with RunStore.open(folder) as store:
        return [
            count_trials(step, verdict.reached) for step, verdict in store.steps.read() if verdict is not None
        ]


@pytest.mark.parametrize("trials", [1, 30])
def test_a_budget_of_trials_ends_a_search_at_the_step_that_reaches_it(tmp_path: Path, trials: int) -> None:
    of_steps = spent(searched(tmp_path / "run", trials))
    assert sum(of_steps) >= trials > sum(of_steps[:-1])


def test_a_search_that_goes_on_counts_the_trials_it_had(tmp_path: Path) -> None:
    whole = spent(searched(tmp_path / "whole", 40))
    search_on(searched(tmp_path / "parted", 15), None, trials=40)
    assert spent(tmp_path / "parted") == whole


def test_a_course_tells_the_best_cell_but_the_gru_and_ends_where_the_leaderboard_does(tmp_path: Path) -> None:
    folder = searched(tmp_path / "run", 40)
    with RunStore.open(folder) as store:
        course, (history, _) = read_course(store, 10**6), read_history(store, store.facts.plan)
        best = next(candidate for candidate in history.ranked if candidate.id != GRU)
    assert course.final is not None and course.final.id == best.id
    assert course.best[-1] == best.fitness and course.trials[-1] == sum(spent(folder))
    assert course.trials[:3] == (0, 0, 0), "start cells bring their trials"
    assert course.best[2] > 0


def test_a_course_goes_no_further_than_its_budget(tmp_path: Path) -> None:
    folder = searched(tmp_path / "run", 40)
    with RunStore.open(folder) as store:
        courses = [read_course(store, trials) for trials in range(1, 41)]
    for trials, course in enumerate(courses, 1):
        assert course.trials[-1] <= trials
        assert course.final is not None and course.final.fitness == course.best[-1], (
            "the final cell is as it was when the budget was spent"
        )
    assert courses[19].trials[-1] > 15


def test_seconds_are_those_of_all_parts_of_a_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, read = searched(tmp_path / "run", 30), TrialTable.outcome

    def of_a_second(trials: TrialTable, key: str) -> Outcome | None:
        found = read(trials, key)
        return found and replace(found, seconds=1.0)

    monkeypatch.setattr(TrialTable, "outcome", of_a_second)
    with RunStore.open(folder) as store:
        course, references = (
            read_course(store, 10**6),
            {c.id for c in reference_cells(store.facts.plan).values()},
        )
        trained = sum(trial.cell not in references for trial, _ in store.trials.ended())
    assert course.trials[-1] < trained <= course.seconds[-1], "a trial that paused has two records"


def test_a_step_function_holds_what_was_last_reached() -> None:
    course = Course((0, 2, 5), (0.0, 1.0, 4.0), (0.0, 0.8, 1.1), None)
    assert [course.after_trials(spent) for spent in (0, 1, 2, 4, 5, 99)] == [0.0, 0.0, 0.8, 0.8, 1.1, 1.1]
    assert course.after_seconds(3.9) == 0.8
