"""What is handed over in place of a cell or of its text: names are taken, the rest is told what to give."""

import io
from pathlib import Path

import pytest

from archsearch import Cell, Recurrent, library, mutate
from archsearch.errors import CellError


def test_a_library_cell_is_mutated_by_its_name() -> None:
    assert mutate("gru", seed=3) == mutate(library.load("gru"), seed=3)


def test_a_name_that_is_none_gets_a_near_one() -> None:
    with pytest.raises(CellError, match="no library cell 'gruu'.*did you mean 'gru'"):
        mutate("gruu")


@pytest.mark.parametrize("name", ["my.cell", "folder/my.cell", "quick-1/5", "quick-1/c1f0"])
def test_the_name_of_a_cell_that_is_elsewhere_says_how_it_is_loaded(name: str) -> None:
    for take in (mutate, lambda name: Recurrent(name, 4, 8)):
        with pytest.raises(
            CellError, match=rf"no library cell '{name}'.*a cell of a file or a run: give it to Cell\.load$"
        ):
            take(name)


def test_what_is_neither_a_cell_nor_a_name_is_named() -> None:
    with pytest.raises(TypeError, match="cell should be a Cell or the name of a library cell, got: int"):
        mutate(7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"cell a(x, h):\n    h' = x\n", r"got: bytes; decode it: bytes\(\.\.\.\)\.decode\(\)"),
        (Path("my.cell"), r"got: PosixPath; give it to Cell.load"),
        (io.StringIO("cell"), r"got: StringIO; give what its read\(\) returns"),
        (None, "got: NoneType$"),
    ],
    ids=["bytes", "a path", "a stream", "nothing"],
)
def test_what_is_no_text_says_how_to_get_one(given: object, words: str) -> None:
    with pytest.raises(TypeError, match=f"a cell is parsed from its text, a str, {words}"):
        Cell.parse(given)  # type: ignore[arg-type]


def test_the_name_of_a_file_is_told_from_a_text() -> None:
    with pytest.raises(CellError, match=r"'/some/my\.cell' is the name of a file.*give it to Cell.load"):
        Cell.parse("/some/my.cell")
