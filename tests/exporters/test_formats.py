"""What every export format keeps, whatever the cell."""

import re

import pytest

from archsearch.cell import Cell, library
from archsearch.exporters import EXPORTERS
from tests.exporters.cells import CORNERS, SCORES, TEXTS, corner, mutant, renamed
from tests.exporters.readers import READERS, read_all

HOSTILE = '"""\n]]>\r\u2028\x1b[31m<script>alert(1)</script>\\ \u202e"); import os #'


@pytest.mark.parametrize("format", EXPORTERS)
def test_every_format_says_what_it_is(format: str) -> None:
    assert re.fullmatch(r"\.[a-z]+\d?", EXPORTERS[format].suffix)


@pytest.mark.parametrize("format", TEXTS)
@pytest.mark.parametrize("name", library.names())
def test_exports_are_clean_text_and_the_same_every_time(format: str, name: str) -> None:
    cell = library.load(name)
    text = EXPORTERS[format].render(cell, SCORES)
    assert text == EXPORTERS[format].render(Cell.parse(cell.text()), SCORES)
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert not re.search(r"[ ]+$", text, re.MULTILINE)


@pytest.mark.parametrize("format", TEXTS)
def test_exports_tell_the_scores(format: str) -> None:
    text = EXPORTERS[format].render(library.load("gru"), SCORES)
    for part in ("quick-1", "1.0523", "xml:small", "0.6412", "1.15 by luck"):
        assert part in text, f"{format} does not say {part}"
    assert "quick-1" not in EXPORTERS[format].render(library.load("gru"), None)


@pytest.mark.parametrize("format", TEXTS)
def test_unusual_cells_are_exported_in_every_format(format: str) -> None:
    read_all(format, map(corner, CORNERS))


@pytest.mark.parametrize("format", TEXTS)
def test_mutants_are_exported_in_every_format(format: str) -> None:
    read_all(format, (mutant(seed, "lstm") for seed in range(10)))


@pytest.mark.parametrize("format", TEXTS)
def test_the_library_is_exported_in_every_format(format: str) -> None:
    read_all(format, (library.load(name) for name in library.names()[:: 8 if format == "python" else 1]))


def test_a_reader_sees_what_an_export_lost() -> None:
    gru, lost = library.load("gru"), library.load("vanilla")
    for format, read in READERS.items():
        with pytest.raises(AssertionError):
            read(gru, EXPORTERS[format].render(lost, None))


@pytest.mark.parametrize("format", TEXTS)
def test_hostile_names_and_notes_leave_no_control_character(format: str) -> None:
    cell = renamed(library.load("lstm"), [HOSTILE, "a" * 99, "lambda", "", "tanh"], HOSTILE, (HOSTILE,))
    text = EXPORTERS[format].render(cell, SCORES)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", text)
