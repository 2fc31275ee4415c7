"""What a CELL may be, and what is said of a text that is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from archsearch.actions.cells import find_cell, listed_cells, load_cells
from archsearch.cell import Cell, library
from archsearch.errors import InputError
from archsearch.store import RunStore, existing_run, read_leaderboard
from tests.helpers.commands import Finished

GRU = library.load("gru")


def ids(finished: Finished) -> list[str]:
    """Return the ids of the leaderboard, the best first."""
    store = RunStore.open(finished.folder)
    try:
        return [row.id for row in read_leaderboard(store, "tiny-1").rows if row.rank is not None]
    finally:
        store.close()


def test_a_library_name_is_the_published_cell(tmp_path: Path) -> None:
    assert find_cell("gru", tmp_path).cell is GRU


def test_a_cell_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "my.cell").write_text(GRU.text(), encoding="utf-8")
    assert find_cell(str(tmp_path / "my.cell"), tmp_path).cell == GRU


def test_a_rank_names_a_row_of_a_leaderboard(finished: Finished) -> None:
    for rank, identity in enumerate(ids(finished), 1):
        for run in ("tiny-1", str(finished.folder)):
            found = find_cell(f"{run}/{rank}", finished.runs)
            assert found.cell.id == identity
            assert found.row is not None and found.row.rank == rank


def test_a_list_takes_ranks_of_a_run_from_one_to_another(finished: Finished) -> None:
    ranked = ids(finished)
    listed = {
        words: [cell.id for cell in load_cells(words, finished.runs).values()]
        for words in ("tiny-1/1-2", "mut1, tiny-1/2-2", "tiny-1/2-99")
    }
    assert listed["tiny-1/1-2"] == ranked[:2]
    assert listed["mut1, tiny-1/2-2"] == [library.load("mut1").id, ranked[1]]
    assert listed["tiny-1/2-99"] == ranked[1:], "those that there are"
    assert [*dict(listed_cells("mut1, tiny-1/1-2", finished.runs))] == ["mut1", "tiny-1/1", "tiny-1/2"]


@pytest.mark.parametrize("words", ["tiny-1/99-100", "tiny-1/2-1"])
def test_ranks_that_no_cell_has_are_refused_with_those_that_there_are(finished: Finished, words: str) -> None:
    with pytest.raises(InputError, match=rf"{words}: the leaderboard has ranks 1 to \d"):
        load_cells(words, finished.runs)


def test_the_beginning_of_an_id_names_a_cell_of_a_run(finished: Finished) -> None:
    identity = ids(finished)[0]
    for shown in (identity, identity[:9], identity[:6]):
        assert find_cell(f"tiny-1/{shown}", finished.runs).cell.id == identity


def test_a_cell_of_a_run_without_a_fitness_has_no_row(finished: Finished) -> None:
    store = RunStore.open(finished.folder)
    try:
        others = [step.cell for step, _ in store.steps.read() if step.cell and step.cell not in ids(finished)]
    finally:
        store.close()
    assert others, "the run has a cell that diverged"
    found = find_cell(f"tiny-1/{others[0]}", finished.runs)
    assert found.cell.id == others[0] and found.row is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "grv",
            r"no cell 'grv'; a cell is a library name \(.*did you mean 'gru'\?\), a \.cell file, a model's folder, or RUN/1",
        ),
        ("GRU", r"did you mean 'gru'\?"),
        ("LSTM", r"did you mean 'lstm'\?"),
        ("", r"no cell ''"),
        ("/1", r"no cell '/1'"),
        ("tiny-1", r"'tiny-1' is a run; name one of its cells, such as tiny-1/1"),
        ("tiny-1/", r"'tiny-1/' is a run; name one of its cells, such as tiny-1/1"),
        ("tiny-1/0", r"tiny-1/0: the leaderboard has ranks 1 to \d"),
        ("tiny-1/99", r"tiny-1/99: the leaderboard has ranks 1 to \d"),
        ("tiny-1/c", r"tiny-1/c: \d+ cells begin so \(c\w{8}, .*\); say more"),
        (
            "tiny-1/cffffff",
            r"no cell of the run has such an id; 'archsearch leaderboard tiny-1' shows the best",
        ),
        ("tiny-1/gru", r"after the run comes a rank, as in tiny-1/1, or the beginning of an id"),
        ("tiny-2/1", r"no run 'tiny-2' in .* \(runs there: tiny-1\)"),
        ("a b/1", r"run name 'a b': letters, digits"),
        ("none.cell", r"none\.cell: No such file or directory"),
        (".cell", r"\.cell: No such file or directory"),
    ],
)
def test_what_is_no_cell_is_refused_with_what_there_is(finished: Finished, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_cell(text, finished.runs)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"text is empty; a cell begins with 'cell NAME\(x, h\):'"),
        (b"\n\n", r"a cell begins with|empty"),
        (b"x" * 65_537, r"more than 65,536 bytes"),
        (b"\x80\x04\x95\x00", r"a pickle or archive; a cell is plain text, and nothing is ever unpickled"),
        (b"PK\x03\x04rest", r"a pickle or archive"),
        (b"cell a(x, h):\n    h' = \xff", r"no UTF-8 text \(byte 23\)"),
        (b"\x00\x01\x02", r"bad\.cell:1:1: "),
        (
            b"cell a(x, h):\n    h' = tanh(linear(hh))\n",
            r"bad\.cell:2:22: unknown name 'hh' .*did you mean 'h'",
        ),
    ],
)
def test_a_file_that_is_no_cell_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "bad.cell").write_bytes(content)
    with pytest.raises(InputError, match=message):
        Cell.load(tmp_path / "bad.cell")


def test_a_folder_is_no_cell(tmp_path: Path) -> None:
    (tmp_path / "a.cell").mkdir()
    with pytest.raises(InputError, match="directory"):
        Cell.load(tmp_path / "a.cell")


@pytest.mark.parametrize("name", ["gru.txt", "GRU.CELL", "gru", "cell"])
def test_a_file_with_another_ending_is_refused_by_path_too(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(GRU.text(), encoding="utf-8")
    with pytest.raises(InputError, match=r"the name of a file with a cell ends in \.cell"):
        find_cell(str(tmp_path / name), tmp_path)


@pytest.mark.parametrize(
    "line", ["$A show - < F", "cat F | $A show -", "$A show <(cat F)", "$A show /dev/stdin < F"]
)
def test_a_cell_is_read_from_a_stream(tmp_path: Path, line: str) -> None:
    (tmp_path / "my.cell").write_text(GRU.text(), encoding="utf-8")
    environment = {**os.environ, "A": f"{sys.executable} -m archsearch"}
    line = line.replace("F", str(tmp_path / "my.cell"))
    shown = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environment, timeout=60)

    assert shown.returncode == 0, shown.stderr
    assert Cell.parse(shown.stdout).id == GRU.id


def test_the_database_of_a_run_is_answered_with_its_folder(finished: Finished) -> None:
    database = str(finished.folder / "run.db")
    with pytest.raises(InputError, match=r"is a run; name one of its cells, such as .*tiny-1/1"):
        find_cell(database, finished.runs)
    with pytest.raises(InputError, match=r"run\.db' is a file; a run is a folder, so name that: .*tiny-1$"):
        existing_run(database, finished.runs)


def test_the_runs_that_are_listed_lie_where_the_missing_one_should(
    finished: Finished, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"\(runs there: tiny-1\)"):
        existing_run(str(finished.runs / "none"), tmp_path)


def test_a_file_with_another_ending_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gru.txt").write_text(GRU.text(), encoding="utf-8")
    with pytest.raises(InputError, match=r"the name of a file with a cell ends in \.cell"):
        find_cell("gru.txt", tmp_path)
