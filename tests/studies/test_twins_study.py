"""The study of twins: each cell beside the one that has x the other way, at equal parameters and at equal width."""

from __future__ import annotations

import json

import pytest

from archsearch.cell import library
from archsearch.protocol.units import units
from archsearch.studies.twins import twin_of
from archsearch.tasks import load
from tests.helpers.commands import TINY, program


@pytest.mark.parametrize("name", ["gru", "lstm", "mgu"])
def test_the_twin_of_a_cell_with_matrices_on_x_reads_x_itself(name: str) -> None:
    assert twin_of(library.load(name)).id == library.load(f"{name}_x").id


@pytest.mark.parametrize("name", library.names())
def test_every_published_cell_has_a_twin_that_has_x_the_other_way(name: str) -> None:
    cell = library.load(name)
    twin = twin_of(cell)
    assert twin.needs_projection != cell.needs_projection
    matrices = twin.polynomial[0] - cell.polynomial[0]
    assert matrices == 1 if cell.needs_projection else matrices == -cell.input_linears


def test_twins_are_trained_with_as_many_parameters_and_as_wide() -> None:
    common = ("study", "twins", "--preset", TINY, "--cells", "mut1", "--tasks", "english", "--draws", 1)
    done = program(*common)
    assert done.code == 0, done.err
    assert "twin's ratio" in done.out and "linear(x)" in done.out
    document = json.loads(program(*common, "--json").out)
    gru, mut1 = document["tasks"]["english:small"]
    assert (gru["cell"], gru["reads_x"], mut1["cell"], mut1["reads_x"]) == ("gru", False, "mut1", True)
    assert gru["ratio"] == 1.0
    symbols = load("english:small").symbols
    for row in (gru, mut1):
        cell = library.load(row["cell"])
        assert row["units"] == units(cell, symbols, 1, 5_000)
        assert row["twin_units"] == units(twin_of(cell), symbols, 1, 5_000)
