"""With `search.regroup` a run knows one cell for all groupings of its sums; without it nothing changes."""

import msgspec
import pytest

from archsearch.cell import Cell, library, regrouped
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.preset import SearchRules
from archsearch.protocol.references import reference_cells, start_cells
from archsearch.search import STRATEGIES
from tests.helpers.plans import World, preset, run_plan
from tests.search.driver import Driver

STEPS = 40


def plan_of(strategy: str, regroup: bool) -> RunPlan:
    names = ("gru", "fgr")
    return run_plan(preset(start=names, references=(*names, "lstm"), regroup=regroup), strategy)


def searched(strategy: str, regroup: bool) -> list[Cell]:
    """Return the cells of a search, its references among them."""
    driver = Driver(plan_of(strategy, regroup), World()).run(STEPS)
    return [Cell.parse(text) for text in driver.cells.values()]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_start_cells_and_children_are_regrouped_before_they_are_asked(strategy: str) -> None:
    cells = searched(strategy, True)

    assert len(cells) > 10 or strategy == "tuning", "it makes no new cells"
    assert all(regrouped(cell).id == cell.id for cell in cells)
    assert any(regrouped(cell).id != cell.id for cell in searched(strategy, False))


def test_a_published_cell_starts_as_its_regrouping_and_the_baseline_stays_itself() -> None:
    plan = plan_of("jozefowicz", True)

    assert [cell.id for cell in start_cells(plan)] == [
        library.load("gru").id,
        regrouped(library.load("fgr")).id,
    ]
    assert set(reference_cells(plan)) == {"gru", "fgr", "lstm"}


def test_a_preset_without_the_key_counts_groupings_as_they_are_written() -> None:
    rules = msgspec.to_builtins(preset().search)
    del rules["regroup"]

    assert msgspec.convert(rules, SearchRules).regroup is False
    assert start_cells(plan_of("jozefowicz", False))[1] is library.load("fgr")
