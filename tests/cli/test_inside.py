"""`archsearch study inside` and `archsearch inspect`: tables, figures and pages, and what is said to wrong use."""

import json
import sys
from pathlib import Path

import pytest

from archsearch.cli.inside_tables import PRINTERS
from archsearch.studies.inside_look import LOOKS
from tests.helpers.commands import Call


def text_file(folder: Path) -> Path:
    """Return a small text."""
    path = folder / "book.txt"
    path.write_bytes(b'he said "well, (yes) now" and\n  went. ' * 90)
    return path


def test_every_part_that_is_found_has_a_table() -> None:
    assert LOOKS.keys() == PRINTERS.keys()


def test_the_study_inside_prints_a_table_for_each_part_and_trains_once(call: Call, tmp_path: Path) -> None:
    common = (
        "study",
        "inside",
        "--text",
        text_file(tmp_path),
        "--cells",
        "gru",
        "--units",
        "4",
        "--steps",
        "3",
    )
    figures = ("--figure", "gates.svg", "--course-figure", "course.svg", "--window-steps", 1)
    done = call(*common, "--parts", "all", *figures)
    assert done.code == 0, done.err
    for said in (
        "gru 1x4",
        "1x4",
        "n-gram of 80 %",
        "mostly open",
        "all errors",
        "word boundary",
        "bracket depth",
        "4th",
        "n-gram",
        "n-NN",
        "in a word",
    ):
        assert said in done.out
    assert (tmp_path / "gates.svg").exists() and (tmp_path / "course.svg").exists()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs" / "inside").iterdir()}
    document = json.loads(call(*common, "--parts", "losses,ngrams", "--json").out)
    assert document["text"]["bytes"] == 3_420 and len(document["ngrams"]) == 21
    (row,) = document["losses"]
    assert (row["cell"], row["steps"], row["paper"]) == ("gru", 3, None)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--parts", "looses"], "no part 'looses' (did you mean 'losses'"),
        (["--layers", "1,x"], "--layers '1,x': 'x' is no number from 1 up"),
        (["--dynamic-rates", "0.1,0"], "--dynamic-rates '0.1,0': '0' is no number above 0 and up to 1,000"),
        (
            ["--parts", "scale"],
            "--parts scale compares two sizes of a cell; name them, such as --units 64,512",
        ),
        (["--cells", "gruu"], "gruu"),
        (["--cells", "tanh_rnn", "--figure", "gates.svg"], "no node of tanh_rnn is a sigmoid"),
        (["--course-figure", "none/course.svg"], "--course-figure none/course.svg: no folder none"),
        (["--places-figure", "map.docx"], "--places-figure map.docx: no format by that ending"),
        (["--figure", "gates.docx"], "no format by that ending"),
    ],
)
def test_wrong_use_of_the_study_inside_is_said(
    call: Call, tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = call("study", "inside", "--text", text_file(tmp_path), *arguments)
    assert done.code == 2 and said in done.err and "Traceback" not in done.err


def test_the_figure_of_places_needs_a_package_and_says_which(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    done = call("study", "inside", "--text", text_file(tmp_path), "--places-figure", "map.svg")
    assert done.code == 2 and "pip install archsearch[studies]" in done.err


@pytest.mark.slow
def test_the_figure_of_places_is_drawn_with_its_table(call: Call, tmp_path: Path) -> None:
    common = ("study", "inside", "--text", text_file(tmp_path), "--cells", "gru", "--units", "2")
    done = call(*common, "--steps", "1", "--parts", "neighbours", "--places-figure", "map.png", "--json")
    assert done.code == 0 and (tmp_path / "map.png").stat().st_size > 1_000, done.err
    (found,) = json.loads(done.out)["neighbours"]
    assert {row["told_by"] for row in found["rows"]} == {"context", "error"}
    assert sum(row["places"] for row in found["rows"]) == 2 * 342


def test_scale_compares_the_smallest_and_the_largest_of_a_cell(call: Call, tmp_path: Path) -> None:
    common = ("study", "inside", "--text", text_file(tmp_path), "--cells", "gru", "--steps", "1")
    (found,) = json.loads(call(*common, "--units", "3,2", "--parts", "scale", "--json").out)["scale"]
    assert (found["small"], found["large"]) == ("gru 1x2", "gru 1x3") and 1 < found["times"] < 2
    assert [row["kind"] for row in found["gains"]][:2] == ["all errors", "n-gram"]
    assert "1x3 (1." in call(*common, "--units", "3,2", "--parts", "scale").out


def test_files_of_a_folder_that_are_left_out_are_named(call: Call, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    for number in range(7):
        (tmp_path / "code" / f"{number}.c").write_bytes(b"\0" if number < 6 else b"int x;\n" * 300)
    common = ("study", "inside", "--text", tmp_path / "code", "--parts", "ngrams", "--json")
    done = call(*common, "--only", ".c, .h")
    assert done.code == 0 and "0.c" in done.err and "and 1 more" in done.err
    assert json.loads(done.out)["text"]["files"] == 1 and len(json.loads(done.out)["text"]["left_out"]) == 6
    assert "an ending is missing; write such as .c,.h" in call(*common, "--only", ".c,,").err


def test_models_of_two_cells_with_one_name_are_told_apart(call: Call, tmp_path: Path) -> None:
    (tmp_path / "other.cell").write_text("cell gru(x, h):\n    h' = tanh(linear(x) + h)\n")
    common = ("study", "inside", "--text", text_file(tmp_path), "--units", "2", "--steps", "1")
    done = call(*common, "--cells", "gru,other.cell", "--parts", "errors", "--json")
    names = [row["model"] for row in json.loads(done.out)["errors"]]
    assert len(set(names)) == 2 and all(name.startswith("gru 1x2 c") for name in names)


def test_inspect_writes_a_page_and_overwrites_none(call: Call, tmp_path: Path) -> None:
    common = (
        "inspect",
        "gru",
        "--text",
        text_file(tmp_path),
        "--width",
        "4",
        "--steps",
        "3",
        "-o",
        "page.html",
    )
    done = call(*common, "--figure", "units.png")
    assert done.code == 0 and "inside quotes" in done.out and "wrote page.html" in done.err, done.err
    page = (tmp_path / "page.html").read_text()
    assert "Units of gru 1x4" in page and page.count("<h2>") >= 1
    assert (tmp_path / "units.png").exists()
    again = call(*common)
    assert again.code == 2 and "page.html exists; --force overwrites it" in again.err
    named = json.loads(call(*common, "--unit", "1:h:2", "--force", "--json").out)
    assert named["page"] == "page.html" and (tmp_path / "page.html").read_text().count("<h2>") == 1
    assert "no such unit" in call(*common, "--unit", "2:h:0", "--force").err
