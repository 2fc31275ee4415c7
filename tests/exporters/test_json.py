"""A JSON export is read back strictly, or refused with its source named."""

import json
from typing import Any

import pytest

from archsearch.cell import library
from archsearch.errors import CellError
from archsearch.exporters import from_json
from archsearch.exporters.graph_json import to_json
from tests.exporters.cells import CORNERS, SCORES, corner, mutant


@pytest.mark.parametrize("name", library.names())
def test_a_cell_comes_back_with_names_and_note(name: str) -> None:
    cell = library.load(name)
    read = from_json(to_json(cell, SCORES))
    assert (read.id, read.text(), read.note) == (cell.id, cell.text(), cell.note)


@pytest.mark.parametrize("name", CORNERS)
def test_an_unusual_cell_comes_back(name: str) -> None:
    assert from_json(to_json(corner(name))).id == corner(name).id


def test_mutants_come_back() -> None:
    for seed in range(20):
        assert from_json(to_json(mutant(seed))).id == mutant(seed).id


def test_the_graph_is_the_canonical_form() -> None:
    document = json.loads(to_json(library.load("gru")))
    canonical = library.load("gru").canonical()
    assert [node["handle"] for node in document["nodes"]] == list(range(len(canonical.nodes)))
    assert document["next"] == list(canonical.next)


def changed(**changes: Any) -> str:
    return json.dumps(json.loads(to_json(library.load("gru"))) | changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no cell in JSON"),
        ("[1, 2]", "no cell in JSON"),
        ("[" * 100_000, "no cell in JSON"),
        ("\udcff", "no cell in JSON"),
        (" " * (1 << 20) + "{}", "larger than 1,048,576 bytes"),
        (changed(archsearch_cell=2), "format 2, this version reads format 1"),
        (changed(id="c0"), "'id' does not fit"),
        (changed(next=[1]), "'next' does not fit"),
        (changed(nodes=[]), "'nodes' does not fit"),
        (changed(next="1"), "no cell in JSON"),
        (changed(extra=1), "extra"),
        (changed(text="cell gru(x, h):\n    h' = hh\n"), "x.json:2:10: unknown name 'hh'"),
    ],
)
def test_a_foreign_or_altered_document_is_refused(text: str, message: str) -> None:
    with pytest.raises(CellError, match="^x.json:") as caught:
        from_json(text, "x.json")
    assert message in str(caught.value)
