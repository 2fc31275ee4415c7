"""`archsearch import` as a person types it."""

import json
import subprocess
import sys
from pathlib import Path

from archsearch.cell import Cell, library
from archsearch.genotypes import SOURCES, import_cell
from tests.helpers.commands import Call
from tests.helpers.sources import ROOT

GENOTYPE = "Genotype(recurrent=[('tanh', 0), ('relu', 1)], concat=range(1, 3))"


def test_what_is_printed_is_a_cell_file_that_names_its_source(call: Call) -> None:
    shown = call("import", "DARTS_V2")
    assert (shown.code, shown.err) == (0, "")
    cell = Cell.parse(shown.out)
    assert cell.id == library.load("darts_v2").id
    assert "DARTS, Liu et al. 2019" in cell.note[0]
    assert shown.out.splitlines()[-2:] == [f"# id          {cell.id}", "# published   darts_v2"]


def test_a_text_is_read_from_the_command_line_a_file_and_a_pipe(call: Call, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text(GENOTYPE)
    piped = subprocess.run(
        [sys.executable, "-m", "archsearch", "import", "-"],
        input=GENOTYPE,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    assert call("import", GENOTYPE).out == call("import", "mine.txt").out == piped.stdout != ""


def test_a_file_is_written_whole_and_never_over_another_unasked(call: Call, tmp_path: Path) -> None:
    assert call("import", "MUT1Cell", "-o", "mine.cell").err == "wrote mine.cell\n"
    again = call("import", "GRUCell", "-o", "mine.cell")
    assert again.code == 2 and "--force overwrites it" in again.err
    assert Cell.load(tmp_path / "mine.cell").name == "MUT1Cell"
    assert call("import", "GRUCell", "-o", "mine.cell", "--force").code == 0
    assert Cell.load(tmp_path / "mine.cell").id == library.load("gru_reset_after").id


def test_the_list_names_what_can_be_imported(call: Call) -> None:
    listed = json.loads(call("import", "--list", "--json").out)
    assert [row["name"] for row in listed["names"]] == [
        name for source in SOURCES.values() for name in source.names
    ]
    assert all(row["id"] == import_cell(row["name"]).id for row in listed["names"])
    shown = call("import", "--list").out
    assert all(row["name"] in shown for row in listed["names"])


def test_what_is_wrong_is_said_in_one_line(call: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for words in (
        ["nonsense"],
        ["empty"],
        ["bytes"],
        ["/"],
        [],
        ["--list", "MUT1Cell"],
        ["GRUCell", "-o", "/"],
    ):
        shown = call("import", *words)
        assert (shown.code, shown.out) == (2, ""), words
        assert shown.err.startswith("Error: ") and shown.err.count("\n") == 1
