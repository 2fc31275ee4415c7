"""The study of strategies: its runs in a simulated world, what it makes of them, and its figure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from archsearch.actions.listener import Listener
from archsearch.actions.request import EvolveOptions
from archsearch.actions.resume import request_of_run
from archsearch.errors import InputError
from archsearch.store import RunStore, make_run
from archsearch.studies import strategies as study
from archsearch.studies.anytime import anytime_picture
from archsearch.studies.comparison import Contest, compared
from archsearch.studies.courses import Course
from archsearch.studies.strategies import StudiedRun, StudyOptions, check_strategies, run_all
from tests.helpers.in_process import search_on
from tests.helpers.plans import preset, run_plan, task_plan

OPTIONS = StudyOptions(
    folder=Path("study"),
    strategies=("jozefowicz", "random", "tuning"),
    seeds=2,
    trials=30,
    preset="quick",
    tasks=None,
    data=None,
    devices=("cpu",),
)


@pytest.fixture
def searches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let searches be simulated, in an empty folder; return the names of those that were made."""
    made: list[str] = []

    def search(options: EvolveOptions, listener: Listener) -> SimpleNamespace:
        assert options.run is not None and options.max_candidates is options.max_seconds is None
        folder, request = Path(options.run), options.request
        made.append(folder.name)
        if not folder.exists():
            rules = preset({"xml": task_plan(k=2, G=6)}, look_ahead=3, noise_draws=1)
            make_run(folder, run_plan(rules, request.strategy or "", request.seed or 0))
        search_on(folder, None, trials=options.max_trials)
        with RunStore.open(folder) as store:
            for step, verdict in store.steps.read():
                if verdict is not None:
                    listener.told(step, verdict, None)
        return SimpleNamespace(ending="finished")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(study, "search", search)
    monkeypatch.setattr(study, "request_of_run", lambda request, plan: None)
    return made


def test_every_strategy_has_a_run_of_each_seed_and_none_is_made_twice(searches: list[str]) -> None:
    said: list[str] = []
    runs = run_all(OPTIONS, said.append)
    names = ["jozefowicz-0", "random-0", "tuning-0", "jozefowicz-1", "random-1", "tuning-1"]
    assert searches == [run.folder.name for run in runs] == names
    assert any("run 5 of 6, random-1: " in words for words in said)
    assert run_all(OPTIONS, said.append) == runs and searches == names
    assert runs[2].course.exhausted and not runs[0].course.exhausted


def test_a_run_with_too_few_trials_goes_on(searches: list[str]) -> None:
    one = replace(OPTIONS, strategies=("random",), seeds=1)
    run_all(one, lambda words: None)
    (longer,) = run_all(replace(one, trials=60), lambda words: None)
    assert searches == ["random-0", "random-0"] and longer.course.trials[-1] > 50


def test_every_run_searches_in_the_space_that_is_named(
    searches: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []
    simulated = study.search

    def search(options: EvolveOptions, listener: Listener) -> SimpleNamespace:
        asked.append(options.request.space)
        return simulated(options, listener)

    monkeypatch.setattr(study, "search", search)
    run_all(replace(OPTIONS, space="grow"), lambda words: None)
    assert asked == ["grow"] * 6


def test_a_run_that_was_asked_for_otherwise_is_refused(
    searches: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_all(OPTIONS, lambda words: None)
    monkeypatch.setattr(study, "request_of_run", request_of_run)
    with pytest.raises(InputError, match="this run has other settings"):
        run_all(OPTIONS, lambda words: None)


@pytest.mark.parametrize(
    ("names", "said"), [(["randon"], "did you mean 'random'"), (["random", "random"], "said twice")]
)
def test_names_that_are_no_strategies_are_refused(names: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_strategies(names)


# -- what the runs say ----------------------------------------------------------------------------------------------


def run(
    strategy: str, seed: int, end: float, *, seconds: float = 10.0, exhausted: bool = False
) -> StudiedRun:
    """Return a run whose best cell is at 0.5 from the start, and at `end` from half of its trials on."""
    course = Course((0, 10, 20), (0.0, seconds / 2, seconds), (0.5, end, end), None, exhausted)
    return StudiedRun(strategy, seed, Path(f"{strategy}-{seed}"), course)


RUNS = [run("random", seed, 1.0 + seed / 100) for seed in range(4)]
RUNS += [run("regularized", seed, 1.1, seconds=20.0) for seed in range(4)]
RUNS += [run("tuning", seed, 0.9, seconds=1.0, exhausted=True) for seed in range(4)]


def test_ends_curves_and_chances_of_improvement_are_told() -> None:
    found = compared(RUNS, 20)
    rows = {row.strategy: row for row in found.rows}
    assert list(rows) == ["random", "regularized", "tuning"]
    assert rows["random"].best.value == pytest.approx(1.015)
    assert rows["random"].best.low < 1.015 < rows["random"].best.high
    assert rows["regularized"].over == {"random": rows["regularized"].over["random"]}
    assert rows["regularized"].over["random"].value == 1.0 and rows["tuning"].over["random"].value == 0.0
    assert not rows["random"].over, "nothing is compared with itself, nor with what is not there"
    curve = rows["random"].by_trials
    assert (curve[0].spent, curve[0].best.value, curve[-1].spent) == (0.0, 0.5, 20.0)


def test_seconds_are_compared_as_far_as_every_run_went_that_had_something_to_try() -> None:
    found = compared(RUNS, 20)
    rows = {row.strategy: row for row in found.rows}
    assert found.seconds == 10.0
    assert rows["regularized"].timed.value == 1.1, "half of its 20 seconds"
    assert compared([run("random", 0, 1.0, seconds=9.0), *RUNS], 20).seconds == 9.0


def test_the_figure_has_a_curve_of_every_strategy(tmp_path: Path) -> None:
    anytime_picture(compared(RUNS, 20)).savefig(tmp_path / "curves.svg")
    text = (tmp_path / "curves.svg").read_text()
    assert text.count("<svg") == 1 and all(name in text for name in ("random", "regularized", "tuning"))


def test_a_comparison_is_one_document() -> None:
    found = compared(RUNS, 20)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Contest) == found
