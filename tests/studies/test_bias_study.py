"""Selection bias: what a search says of its cells beside what unread data say, in a world where that is known."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from archsearch.cli.main import run_command
from archsearch.protocol.claims import Claim, PairResult, ledger_of
from archsearch.protocol.records import Outcome, Trial
from archsearch.store import RunStore, make_run, read_leaderboard
from archsearch.store.claims import RunLedger
from archsearch.studies.bias import SCORES, JudgedCell, judged_cells, overrated
from archsearch.studies.bias_figure import bias_picture
from tests.helpers.in_process import search_on
from tests.helpers.plans import FACTS, GRU, World, preset, run_plan, task_plan

FRESH = (PairResult(0.6, 0.5), PairResult(0.48, 0.4))
"""Pairs with a ratio of mean skills of 1.2."""


def on_other_data(trial: Trial) -> Outcome:
    """Return how a trial ends in a world where cells have nine tenths of their skill on test data, the GRU all of it."""
    outcome = World(fails=0.3)(trial)
    if trial.stop_at is not None or outcome.score is None or trial.cell == GRU:
        return replace(outcome, seconds=2.0)
    floor = FACTS[trial.task.partition(":")[0]].floor
    return replace(outcome, test_accuracy=floor + 0.9 * (outcome.score - floor), seconds=2.0)


@pytest.fixture(scope="module", params=["random", "top-two"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two tasks, with a claim about its first three ranks, one of which has no pair, and one about another size."""
    path = tmp_path_factory.mktemp("bias") / "run"
    tasks = {"arithmetic": task_plan(gate=0.0), "xml": task_plan(gate=0.0)}
    make_run(path, run_plan(preset(tasks, reexamination=request.param, noise_draws=2)))
    search_on(path, 40, answer=on_other_data)
    with RunStore.open(path, write=True) as store:
        ledger, plan = RunLedger(store), store.facts.plan
        for number, row in enumerate(found_rows(store)[:4]):
            claim = Claim.of(plan, row, GRU, 2, ledger_of(plan))
            if number == 3:
                claim = Claim.of(replace(plan, tasks=plan.tasks[:1]), row, GRU, 2, ledger_of(plan))
            ledger.enter(claim)
            ledger.keep(claim, {task.name: FRESH if number != 2 else () for task in claim.tasks})
    return path


def found_rows(store: RunStore) -> list[str]:
    """Return the ids of the found cells by rank."""
    return [row.id for row in read_leaderboard(store, "").rows if row.rank is not None and row.parent]


def cells(folder: Path) -> list[JudgedCell]:
    with RunStore.open(folder) as store:
        return list(judged_cells(store, folder.name))


def test_cells_before_the_referee_have_what_the_search_says_and_what_fresh_pairs_say(folder: Path) -> None:
    known = cells(folder)
    with RunStore.open(folder) as store:
        rows = {row.id: row for row in read_leaderboard(store, "").rows}
        assert {cell.cell for cell in known} == set(found_rows(store)[:3])
    for cell in known:
        assert (cell.fitness, cell.estimate) == (rows[cell.cell].fitness, rows[cell.cell].estimate)
    assert sorted((cell.pairs, cell.fresh and round(cell.fresh, 9)) for cell in known) == [
        (0, None),
        (2, 1.2),
        (2, 1.2),
    ]


def test_test_scores_are_those_of_the_trials_that_the_fitness_is_made_of(folder: Path) -> None:
    for cell in cells(folder):
        assert cell.test == pytest.approx(0.9 * cell.fitness)


def test_a_cell_stands_at_the_time_when_the_search_had_found_it(folder: Path) -> None:
    seconds = [cell.seconds for cell in cells(folder)]
    assert seconds == sorted(seconds) and seconds[0] > 0
    assert all(second % 2 == 0 for second in seconds), "2 seconds a trial"


def test_means_are_over_the_cells_that_have_both_scores() -> None:
    low, high = (
        JudgedCell("r", "c", 1.0, fitness, 1.0, None, fresh, 2, "better")
        for fitness, fresh in ((1.3, 1.1), (1.5, 1.1))
    )
    above = overrated([low, high, replace(low, fresh=None, fitness=9.0)]).above
    assert above["fitness"] is not None and above["fitness"].value == pytest.approx(0.3)
    assert above["test"] is None


def test_the_numbers_of_the_figure_are_those_of_the_table(folder: Path) -> None:
    found = overrated(cells(folder))
    lines = {str(line.get_label()): line for line in bias_picture(found).axes[0].get_lines()}
    for score, words in SCORES.items():
        known = [(cell.seconds, getattr(cell, score)) for cell in found.cells]
        assert list(zip(*lines[words].get_data(), strict=True)) == [at for at in known if at[1] is not None]


def test_the_command_prints_the_table_draws_the_figure_and_has_a_document(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = tmp_path / "bias.svg"
    assert run_command(["study", "bias", str(folder), "--figure", str(figure)]) == 0
    shown = capsys.readouterr().out
    for cell in cells(folder):
        line = next(line for line in shown.splitlines() if cell.cell[:9] in line)
        assert f"{cell.fitness:.3f}" in line and f"{cell.test:.3f}" in line
    assert "fitness less fresh: " in shown and figure.read_text().count("<svg") == 1


def test_a_run_that_was_not_confirmed_says_what_does_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path / "bare", run_plan(preset({"xml": task_plan()}, noise_draws=1)))
    search_on(tmp_path / "bare", 10)
    assert run_command(["study", "bias", str(tmp_path / "bare")]) == 2
    assert "archsearch confirm" in capsys.readouterr().err
