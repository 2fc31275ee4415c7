"""Any table of numbers as a task."""

import hashlib
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from archsearch import tasks
from archsearch.errors import TaskError
from archsearch.tasks.first_windows import check_first_windows
from tests.tasks.samples import take

RNG = np.random.default_rng(0)
ROWS = np.stack((np.sin(np.arange(2_000) / 9) * 3 + 7, RNG.standard_normal(2_000).cumsum()), axis=1)


def written(tmp_path: Path, rows: np.ndarray = ROWS, separator: str = ",", head: str = "") -> Path:
    path = tmp_path / "series.csv"
    path.write_text(head + "".join(separator.join(map(repr, map(float, row))) + "\n" for row in rows))
    return path


def load(path: Path) -> tasks.Task:
    return tasks.load(f"series:{path}")


def test_a_table_is_split_by_time_and_brought_to_the_scale_of_its_training_part(tmp_path: Path) -> None:
    task = load(written(tmp_path))
    mean, deviation = ROWS[:1600].mean(axis=0), ROWS[:1600].std(axis=0)
    for split, start, end in (("train", 0, 1600), ("valid", 1600, 1800), ("test", 1800, 2000)):
        window = take(task, 1, batch=1, unroll=end - start - 1, split=split)[0]
        expected = (ROWS[start:end] - mean) / deviation
        assert np.allclose(window.inputs[:, 0], expected[:-1], atol=1e-12)
        assert np.allclose(window.targets[:, 0], expected[1:], atol=1e-12)
    assert (task.symbols, task.measure, task.is_real, task.ceiling) == (2, "mse", True, 0)
    assert task.checksum == hashlib.sha256((tmp_path / "series.csv").read_bytes()).hexdigest()


def test_streams_go_on_and_training_goes_round(tmp_path: Path) -> None:
    task = load(written(tmp_path))
    check_first_windows(task)
    windows = take(task, 60, batch=4, unroll=35)
    for before, after in zip(windows, windows[1:], strict=False):
        assert np.array_equal(before.targets[-1], after.inputs[0])
    assert windows[0].inputs.shape == (35, 4, 2) and windows[0].scored.all()
    assert len(take(task, 1_000, batch=4, unroll=35, split="valid")) == 2


def test_the_floor_is_the_error_of_the_mean_or_of_the_last_value(tmp_path: Path) -> None:
    walk, noise = ROWS[:, 1:], RNG.standard_normal((2_000, 1))
    scaled = (walk[1600:1800] - walk[:1600].mean()) / walk[:1600].std()
    persistent = load(written(tmp_path, walk))
    assert persistent.floor == pytest.approx(np.square(np.diff(scaled, axis=0)).mean(), rel=1e-9)
    assert load(written(tmp_path, noise)).floor == pytest.approx(1, abs=0.2)
    assert persistent.spread > 0


@pytest.mark.parametrize(
    ("separator", "head"),
    [(",", ""), (";", "a;b\n"), ("\t", '"a"\t"b"\n'), ("  ", "a b\n"), (", ", "\ufeffa, b\n\n")],
)
def test_columns_are_told_apart_and_a_line_of_names_is_left_out(
    tmp_path: Path, separator: str, head: str
) -> None:
    found = take(load(written(tmp_path, separator=separator, head=head)), 1)[0]
    assert np.array_equal(found.inputs, take(load(written(tmp_path)), 1)[0].inputs)


def changed(column: int, value: float, rows: slice = slice(700, 701)) -> np.ndarray:
    other = ROWS.copy()
    other[rows, column] = value
    return other


def lines(number: int, line: str) -> str:
    """Return a table whose line of this number is another."""
    text = [f"{row[0]},{row[1]}" for row in ROWS]
    text[number - 1] = line
    return "\n".join(text) + "\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("1,2\n" * 999, "has 999 rows; a series needs at least 1,000"),
        (lines(5, "1.0,"), "series.csv:5: column 2 is missing; a series has no gaps"),
        (lines(6, "2020-01-01,3"), "series.csv:6: column 1 is '2020-01-01', which is no number"),
        ("time,load\n" + lines(6, "noon,3"), r"series.csv:7: column 1 \('time'\) is 'noon'"),
        (lines(7, "1.0,nan"), "series.csv:7: column 2 is nan; a series has no gaps"),
        (lines(8, "inf,1"), "series.csv:8: column 1 is inf"),
        (lines(9, "1.0"), "series.csv:9: 1 fields, and the first line has 2"),
        ("1,2\n" + "3,2\n4,2\n" * 800, "column 2 is the same number throughout in the first 80 %"),
        ("1\n2\n" * 700 + "3\n" * 600, "does not change from 80 to 90 % of its rows"),
        ("1\n2\n" * 900 + "1e9\n" * 200, "column 1 goes to 1e.09, more than a million deviations"),
        ("1e200\n-1e200\n" * 900, "column 1 has numbers too large to add"),
        (",".join("1" * 1_001) + "\n", "has 1,001 columns; a series has at most 1,000"),
    ],
)
def test_files_that_are_no_series_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "series.csv"
    path.write_text(content)
    with pytest.raises(TaskError, match=message):
        load(path)


def test_a_missing_file_a_folder_bytes_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no such file; a task on numbers is written series:FILE.csv"):
        load(tmp_path / "none.csv")
    with pytest.raises(TaskError, match="cannot be read: Is a directory"):
        load(tmp_path)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe1\x00")
    with pytest.raises(TaskError, match="is not UTF-8 text"):
        load(tmp_path / "bytes")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2**28 + 1)
    with pytest.raises(TaskError, match="has 268,435,457 bytes; a series takes at most"):
        load(tmp_path / "huge")


def test_a_part_that_is_too_short_for_the_streams_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        TaskError, match="split valid: a part of 200 rows is too short for 150 parallel streams"
    ):
        take(load(written(tmp_path)), 1, batch=150, split="valid")


@pytest.mark.parametrize(
    ("beginning", "reader"),
    [(b"PAR1", "read_parquet"), (b"PK\x03\x04", "read_excel"), (b"ARROW1", "read_feather")],
)
def test_a_table_of_another_kind_is_refused_with_the_line_that_converts_it(
    tmp_path: Path, beginning: bytes, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "it's.bin"
    path.write_bytes(beginning + b"\xff\x00")
    with pytest.raises(TaskError) as caught:
        load(path)
    (program,) = shlex.split(str(caught.value).split("python -c ")[1])
    assert program.startswith(f"import pandas; pandas.{reader}(") and compile(program, "", "exec")
