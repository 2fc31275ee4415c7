"""What goes on in a model: gates, features, units that follow them, and the page that shows it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from archsearch.cell import Cell
from archsearch.errors import InputError
from archsearch.studies.characters.features import (
    bracket_depth,
    indentation,
    inside_quotes,
    line_position,
)
from archsearch.studies.characters.gates import gate_names, saturations
from archsearch.studies.characters.inspection import inspection, unit_of
from archsearch.studies.characters.keeping import Record
from archsearch.studies.characters.model import CharModel
from archsearch.studies.characters.page import colour, coloured, page, shade_of
from archsearch.studies.characters.reading import part_to_read
from archsearch.studies.characters.recipe import recipe_for
from archsearch.studies.characters.text import CharText, characters
from archsearch.studies.characters.units import activations, meanings


@pytest.fixture(scope="module")
def text() -> CharText:
    return characters("made up", b'he said "well, (yes) now" and\n  went. ' * 90)


def model_for(text: CharText, cell: str = "lstm", layers: int = 2) -> CharModel:
    """Return a model with small random weights."""
    model = CharModel(Cell.load(cell), len(text.alphabet), 5, layers, engine="interpreter").eval()
    model.draw(0.3, torch.Generator().manual_seed(1))
    return model


def array(content: bytes) -> np.ndarray:
    return np.frombuffer(content, np.uint8)


def test_quotes_open_and_close_and_end_with_the_paragraph() -> None:
    assert inside_quotes(array(b'a"bc"d')).tolist() == [0, 1, 1, 1, 0, 0]
    assert inside_quotes(array(b'"a\nb\r\n\r\nc"d')).tolist() == [1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1]


def test_brackets_lines_and_indentation_are_counted() -> None:
    assert bracket_depth(array(b"a(b[c])d)")).tolist() == [0, 1, 1, 2, 2, 1, 0, 0, 0]
    assert line_position(array(b"ab\ncd")).tolist() == [1, 2, 0, 1, 2]
    assert indentation(array(b"  a b\n\tc")).tolist() == [1, 2, 2, 2, 2, 0, 1, 1]


@pytest.mark.parametrize(
    ("cell", "gates"), [("lstm", {"i", "f", "o"}), ("gru", {"r", "z"}), ("tanh_rnn", set())]
)
def test_the_gates_of_a_cell_are_its_sigmoids(cell: str, gates: set[str]) -> None:
    assert set(gate_names(Cell.load(cell)).values()) == gates


def test_a_gate_that_is_held_open_or_shut_is_saturated_all_the_time(text: CharText) -> None:
    model = model_for(text)
    for matrix in model.layers.matrices():
        if matrix.bias is not None and matrix.layer == 1 and matrix.line in "fi":
            with torch.no_grad():
                matrix.bias[0] = 20.0 if matrix.line == "f" else -20.0
    found = {(row.gate, row.layer): row for row in saturations(model, *part_to_read(text))}
    assert set(found) == {(gate, layer) for gate in "ifo" for layer in (1, 2)}
    assert (found["f", 2].right[0], found["f", 2].left[0]) == (1.0, 0.0)
    assert (found["i", 2].right[0], found["i", 2].left[0]) == (0.0, 1.0)
    assert found["o", 1].right == found["o", 1].left == [0.0] * 5


def test_a_unit_that_counts_quotes_is_found(text: CharText) -> None:
    counting = Cell.parse("cell count(x, h):\n    h' = h + linear(x, bias=none)\n")
    model = CharModel(counting, len(text.alphabet), 3, 1, engine="interpreter").eval()
    with torch.no_grad():
        for matrix in model.layers.matrices():
            matrix.weight.zero_()
            matrix.weight[1, text.alphabet.tolist().index(ord("("))] = 0.5
            matrix.weight[1, text.alphabet.tolist().index(ord(")"))] = -0.5
    best = {row.feature: row for row in reversed(meanings(model, text))}
    row = best["bracket depth"]
    assert (row.layer, row.state, row.unit) == (1, "h", 1)
    assert row.correlation == pytest.approx(1) and row.valid == pytest.approx(1)


def test_activations_are_those_of_the_layer(text: CharText) -> None:
    model = model_for(text, "gru", layers=1)
    part, before = part_to_read(text)
    found = activations(model, part, before, [(1, "h", 3)])
    with torch.no_grad():
        hidden, _ = model.layers(model.one_hot(torch.from_numpy(part[:-1].astype(np.int64))[:, None]))
    assert np.allclose(found[0], hidden[before - 1 :, 0, 3], atol=1e-5)


class Read(HTMLParser):
    """Reads a page.

    Attributes:
        tags: The elements that begin.
        text: What is shown within pre.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text, self.is_text = "", False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        self.is_text = self.is_text or tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        self.is_text = self.is_text and tag != "pre"

    def handle_data(self, data: str) -> None:
        self.text += data if self.is_text else ""


def test_a_page_shows_the_text_and_runs_none_of_it() -> None:
    content = array("<script>a&é\x1b[2J\n\xff".encode("latin-1", "replace") + "é".encode())
    made = page("<b>title", ["a note"], content, [("unit", np.zeros(len(content)))])
    reader = Read()
    reader.feed(made.encode("utf-8", "strict").decode())
    assert "script" not in reader.tags and "b" not in reader.tags
    assert reader.text == "<script>a&··[2J¶\n·é"
    assert not re.search(r"(src|href|url)\s*[=(]", made)


def test_symbols_of_one_shade_share_a_span() -> None:
    made = coloured(array(b"aabb"), np.array([1.0, 1.0, -1.0, 0.0]))
    assert made == '<span class="p10">aa</span><span class="n10">b</span><span class="p0">b</span>'
    assert (shade_of(0.04), shade_of(-2.0), colour(0), colour(10), colour(-10)) == (
        0,
        -10,
        "#ffffff",
        "#ff4040",
        "#4040ff",
    )


def test_an_inspection_shows_the_units_that_follow_something_best(text: CharText) -> None:
    model, record = model_for(text), Record(recipe_for(Cell.load("lstm"), text, 2, 5), 3)
    seen = inspection("lstm 2x5", model, record, text)
    assert {row.feature for row in seen.units} >= {"inside quotes", "position in the line"}
    assert seen.page.count("<h2>") == len(seen.shown) and "correlation" in seen.page
    one = inspection("lstm 2x5", model, record, text, wanted=[(2, "c", 4)])
    assert [name for name, _ in one.shown] == ["layer 2, c 4"]


def test_a_unit_that_is_not_there_is_refused(text: CharText) -> None:
    model, record = model_for(text), Record(recipe_for(Cell.load("lstm"), text, 2, 5))
    with pytest.raises(InputError, match="write LAYER:STATE:NUMBER"):
        unit_of("h17")
    for said in ("3:h:0", "1:z:0", "1:h:5"):
        with pytest.raises(InputError, match="layers 1 to 2, states .*, numbers 0 to 4"):
            inspection("lstm 2x5", model, record, text, wanted=[unit_of(said)])


def test_where_no_unit_follows_anything_the_first_is_shown() -> None:
    text = characters("no lines", b"ab" * 1_000)
    model, record = model_for(text), Record(recipe_for(Cell.load("lstm"), text, 2, 5))
    still = [row for row in inspection("lstm 2x5", model, record, text).shown if "correlation" not in row[0]]
    assert len(still) in (0, 1) and inspection("lstm 2x5", model, record, text).shown
