"""A search starts from any cell, and its run needs neither the file nor the other run again."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from archsearch.actions.cells import best_cells
from archsearch.actions.request import Request
from archsearch.actions.resolve import resolve
from archsearch.actions.resume import request_of_run
from archsearch.cell import Cell, library
from archsearch.cli.board import print_leaderboard
from archsearch.cli.printing import console
from archsearch.errors import InputError
from archsearch.protocol.checks import plan_faults
from archsearch.protocol.named_cells import with_cells
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.references import reference_cells, start_cells
from archsearch.store import RunStore, make_run, read_leaderboard
from tests.helpers.commands import Finished
from tests.helpers.in_process import search_on
from tests.helpers.plans import preset, run_plan
from tests.helpers.searches import TINY

MINE = Cell.parse(
    "cell mine(x, h):\n    a = tanh(linear(x) + linear(h))\n    b = sigmoid(linear(x))\n    h' = a * b\n"
)
OTHER = Cell.parse("cell mine(x, h):\n    h' = sigmoid(linear(x) + linear(h))\n")


def plan_of(start: list[Cell], references: list[Cell] | None = None) -> RunPlan:
    changed, texts = with_cells(preset(), {}, start, references or [])
    return replace(run_plan(changed), cells=texts)


def test_start_cells_take_the_place_of_the_presets_and_are_references_too() -> None:
    plan = plan_of([MINE], [OTHER])
    assert [cell.id for cell in start_cells(plan)] == [MINE.id]
    ids = [cell.id for cell in reference_cells(plan).values()]
    assert {MINE.id, OTHER.id, library.load("gru").id, library.load("lstm").id} <= set(ids)
    assert not list(plan_faults(plan))


def test_a_published_cell_is_called_as_the_library_does_and_two_of_one_name_are_told_apart() -> None:
    plan = plan_of([library.load("mgu").renamed("something"), MINE, OTHER])
    first, second, third = plan.preset.search.start
    assert (first, second) == ("mgu", "mine") and third != "mine"
    assert set(plan.cells) == {second, third}


def test_a_search_from_a_cell_of_ones_own_ends_the_same_however_often_it_stops(tmp_path: Path) -> None:
    boards = []
    for name, stops in (("whole", [14]), ("stopped", [3, 9, 14])):
        make_run(tmp_path / name, plan_of([MINE], [OTHER]))
        for candidates in stops:
            search_on(tmp_path / name, candidates)
        with RunStore.open(tmp_path / name) as store:
            boards.append(read_leaderboard(store, ""))
            assert store.steps.read()[0][0].cell == MINE.id
    assert boards[0] == boards[1]
    assert {plan_of([MINE], [OTHER]).preset.search.references[-1], "gru"} <= {
        row.name for row in boards[0].rows
    }


def test_a_run_goes_on_without_the_file_and_with_the_same_cell_but_with_no_other() -> None:
    plan = plan_of([MINE])
    assert request_of_run(Request(), plan).preset == plan.preset
    assert request_of_run(Request(start=(MINE,)), plan).preset == plan.preset
    words = "this run has other settings: search.references is.*are set where a run begins"
    with pytest.raises(InputError, match=words):
        request_of_run(Request(start=(OTHER,)), plan)
    with pytest.raises(InputError, match=r"or leave them out$"):
        request_of_run(Request(seed=7), plan)


def test_the_same_request_makes_the_same_plan() -> None:
    asked = Request(preset=str(TINY), start=(MINE,), references=(OTHER,))
    assert resolve(asked, None) == resolve(asked, None)
    assert resolve(asked, None).preset.search.start == ("mine",)


def test_the_best_of_a_run_come_by_rank(finished: Finished) -> None:
    with RunStore.open(finished.folder) as store:
        rows = read_leaderboard(store, "").rows
    best = best_cells(str(finished.folder), finished.folder.parent, 2)
    assert [cell.id for cell in best] == [row.id for row in rows[:2]]


def test_a_forged_text_or_name_of_a_plan_is_a_fault() -> None:
    plan = plan_of([MINE])
    for cells in ({"mine": "no cell"}, {"mine": library.load("gru").text()}, {}):
        assert list(plan_faults(replace(plan, cells=cells))), cells
    shadow = {**plan.cells, "gru": MINE.renamed("gru").text()}
    assert "library" in " ".join(plan_faults(replace(plan, cells=shadow)))


def test_a_cell_of_ones_own_is_called_given_and_not_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path / "run", plan_of([], [OTHER]))
    search_on(tmp_path / "run", 3)
    with RunStore.open(tmp_path / "run") as store:
        print_leaderboard(console(), read_leaderboard(store, ""), 10)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if " mine " in line and "given" in line]
    assert [line for line in lines if " mut1 " in line and "published" in line]
