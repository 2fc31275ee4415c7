"""A cell export is the cell itself."""

import pytest

from archsearch.cell import Cell, library
from archsearch.exporters.cell import to_cell
from tests.exporters.cells import CORNERS, SCORES, corner, mutant


@pytest.mark.parametrize("name", library.names())
def test_a_library_cell_is_exported_as_its_own_text(name: str) -> None:
    cell = library.load(name)
    assert to_cell(cell) == cell.text()
    assert Cell.parse(to_cell(cell, SCORES)) == Cell.parse(cell.text())


@pytest.mark.parametrize("name", CORNERS)
def test_an_exported_cell_keeps_its_id(name: str) -> None:
    assert Cell.parse(to_cell(corner(name), SCORES)).id == corner(name).id


def test_scores_do_not_become_part_of_the_note() -> None:
    cell = library.load("gru")
    assert Cell.parse(to_cell(cell, SCORES)).note == cell.note


def test_an_exported_mutant_keeps_its_id() -> None:
    for seed in range(20):
        assert Cell.parse(to_cell(mutant(seed))).id == mutant(seed).id
