"""Settings from task to task: the same ones everywhere, and figures that are known from how trials were made to end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.cli.transfer import print_transfer
from archsearch.errors import InputError
from archsearch.protocol.records import Outcome
from archsearch.protocol.settings import OwnGrid
from archsearch.studies.instrument import StudyPlan
from archsearch.studies.transfer import TransferRow, common_settings, transfer_rows
from tests.helpers.plans import FACTS, TASK, chance, named, preset, run_plan, task_plan

RUN = run_plan(preset({"arithmetic": TASK, "xml": TASK}))
PLAN = StudyPlan(RUN, {name: library.load(name) for name in ("gru", "lstm")}, 6, 3)
SETTINGS = common_settings(RUN, 6)
TRIALS = {
    (name, task): [[RUN.trial(cell.id, task, s, init_draw=draw) for s in SETTINGS[task]] for draw in range(3)]
    for name, cell in PLAN.cells.items()
    for task in SETTINGS
}


@cache
def rows(on_xml: Sequence[int], noise: float = 0.0) -> dict[tuple[str, str, str], TransferRow]:
    """Return what is said of settings with skills of 0.1 and more on arithmetic, in their order, and as they come on xml.

    Args:
        on_xml: The place of each setting there, the worst 0.
        noise: Range of what chance adds in every trial.
    """
    ended = {}
    for (_, task), draws in TRIALS.items():
        facts, places = FACTS[task], on_xml if task == "xml" else range(6)
        for trial, place in (
            (trial, place) for draw in draws for trial, place in zip(draw, places, strict=True)
        ):
            luck = noise * chance("luck", task, named(trial.setting), trial.init_draw, trial.cell)
            skill = 0.1 + 0.1 * place + luck
            ended[trial] = Outcome("done", facts.floor + skill * (facts.ceiling - facts.floor))
    found = transfer_rows(PLAN, TRIALS, ended)
    return {(row.source.partition(":")[0], row.target.partition(":")[0], row.cell): row for row in found}


def test_every_pair_of_tasks_has_a_row_for_each_cell_and_one_for_all() -> None:
    tasks, cells = ("arithmetic", "xml"), ("gru", "lstm", "all")
    assert list(rows(range(6))) == [(a, b, cell) for a in tasks for b in tasks for cell in cells]


def test_settings_that_rank_alike_lose_nothing() -> None:
    for key, row in rows(range(6)).items():
        assert row.rho is not None and (row.rho.value, row.rho.low, row.rho.high) == pytest.approx((1, 1, 1))
        assert (row.skill, row.own, row.even) == pytest.approx((0.6, 0.6, 0.35))
        assert (row.share is None) == (key[0] == key[1])
        if row.share is not None:
            assert (row.share.value, row.share.low, row.share.high) == pytest.approx((1, 1, 1))


def test_settings_that_rank_the_other_way_are_the_worst_of_the_other_task() -> None:
    for (source, target, _), row in rows(range(5, -1, -1)).items():
        same = source == target
        assert row.rho is not None and row.rho.value == pytest.approx(1 if same else -1)
        assert row.skill == pytest.approx(0.6 if same else 0.1)
        if row.share is not None:
            assert row.share.value == pytest.approx(1 / 6)
            assert row.share.low is not None and row.share.low <= row.share.value


def test_no_choice_counts_the_luck_that_it_was_made_by() -> None:
    row = rows((0,) * 6, noise=1.0)["xml", "xml", "all"]
    assert row.even == pytest.approx(0.6, abs=0.1), "six settings that are one but for chance"
    assert row.own < row.even + 0.1, "the best of six by its own score would be 0.2 above"
    assert row.rho is not None and abs(row.rho.value) < 0.4


def test_rank_correlations_of_single_draws_have_an_interval_of_settings() -> None:
    row = rows(range(6), noise=0.5)["arithmetic", "xml", "all"]
    assert row.rho is not None and row.rho.low is not None and row.rho.high is not None
    assert 0 < row.rho.low < row.rho.value < row.rho.high < 1


def test_a_trial_that_diverged_counts_as_skill_0_and_is_told() -> None:
    ended = {trial: Outcome("done", 0.7) for draws in TRIALS.values() for draw in draws for trial in draw}
    for draw in TRIALS["gru", "xml"]:
        ended[draw[0]] = Outcome("diverged", reason="loss nan at step 3")
    found = {
        (row.target.partition(":")[0], row.cell): row
        for row in transfer_rows(PLAN, TRIALS, ended)
        if row.source.startswith("arithmetic")
    }
    assert found["xml", "gru"].unscored == found["xml", "all"].unscored == 3
    assert found["xml", "lstm"].unscored == found["arithmetic", "gru"].unscored == 0
    assert found["xml", "lstm"].rho is None, "nothing is ranked where all skills are one"
    assert found["xml", "gru"].skill == 0.0, (
        "of equal settings on arithmetic the first is chosen, which diverged on xml"
    )


def test_settings_are_those_of_a_search_of_the_first_task_and_differ_in_the_budget_alone() -> None:
    run = run_plan(preset({"arithmetic": TASK, "xml": task_plan(budget=(20_000, 90_000))}))
    found = common_settings(run, None)
    assert found["arithmetic"] == run.settings["arithmetic"]
    assert found["xml"] == tuple(replace(s, budget=20_000) for s in found["arithmetic"])


def test_only_settings_that_all_grids_hold_are_taken() -> None:
    narrow = task_plan(grid=OwnGrid(rate=(0.01, 0.1)))
    run = run_plan(preset({"arithmetic": TASK, "xml": narrow}))
    found = common_settings(run, 20)["xml"]
    assert {s.rate for s in found} == {0.01} and len(found) == 4
    none = run_plan(preset({"arithmetic": TASK, "xml": task_plan(grid=OwnGrid(rate=(0.1,)))}))
    with pytest.raises(InputError, match="0 settings that arithmetic, xml have in common, and at least 3"):
        common_settings(none, 20)


def test_the_table_has_a_line_for_each_row_and_says_what_has_no_score(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = [replace(row, unscored=2) for row in rows(range(6)).values()]
    print_transfer(found, 6)
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 1 + 12 and "1.00 (1.00 to 1.00)" in told.out
    assert "6 settings, the same on all tasks" in told.err and "8 trials have no score" in told.err
