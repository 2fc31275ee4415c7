"""`archsearch study inside` and `archsearch inspect`: tables, figures and pages, and what is said to wrong use."""

import json
from pathlib import Path

import pytest

from tests.helpers.commands import Call


def text_file(folder: Path) -> Path:
    """Return a small text."""
    path = folder / "book.txt"
    path.write_bytes(b'he said "well, (yes) now" and\n  went. ' * 90)
    return path


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
    done = call(*common, "--parts", "all", "--figure", "gates.svg")
    assert done.code == 0, done.err
    for said in (
        "gru 1x4",
        "1x4",
        "n-gram of 80 %",
        "mostly open",
        "all errors",
        "word boundary",
        "bracket depth",
    ):
        assert said in done.out
    assert (tmp_path / "gates.svg").exists()
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
        (["--cells", "gruu"], "gruu"),
        (["--cells", "tanh_rnn", "--figure", "gates.svg"], "no node of tanh_rnn is a sigmoid"),
        (["--figure", "gates.docx"], "no format by that ending"),
    ],
)
def test_wrong_use_of_the_study_inside_is_said(
    call: Call, tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = call("study", "inside", "--text", text_file(tmp_path), *arguments)
    assert done.code == 2 and said in done.err and "Traceback" not in done.err


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
