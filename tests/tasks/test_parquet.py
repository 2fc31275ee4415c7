"""A Parquet file is the task that its CSV file is, with the same refusals."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from archsearch import tasks
from archsearch.errors import TaskError
from archsearch.tasks import numbers_file
from tests.tasks.samples import take

pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

COUNT = 1_200
COLUMNS = {
    "time": [datetime(2026, 3, 1) + timedelta(minutes=30 * row) for row in range(COUNT)],
    "load": np.sin(np.arange(COUNT) / 9).tolist(),
    "price": np.random.default_rng(0).standard_normal(COUNT).cumsum().tolist(),
}


def written(folder: Path, **columns: list[object]) -> Path:
    parquet.write_table(pyarrow.table({**COLUMNS, **columns}), folder / "table.parquet")
    return folder / "table.parquet"


def load(path: Path) -> tasks.Task:
    return tasks.load(f"series:{path}?time=time&target=load&horizon=2")


def test_it_has_the_windows_of_the_csv_file_that_says_the_same(tmp_path: Path) -> None:
    names = ",".join(COLUMNS)
    rows = (f"{time},{load!r},{price!r}" for time, load, price in zip(*COLUMNS.values(), strict=True))
    (tmp_path / "table.csv").write_text("\n".join([names, *rows]), encoding="utf-8")
    found, expected = (take(load(path), 3)[2] for path in (written(tmp_path), tmp_path / "table.csv"))
    assert np.array_equal(found.inputs, expected.inputs)
    assert np.array_equal(found.targets, expected.targets)


def test_what_is_missing_is_refused_with_its_place(tmp_path: Path) -> None:
    path = written(tmp_path, load=[0.5, None, *COLUMNS["load"][2:]])
    with pytest.raises(TaskError, match=r"table\.parquet:3: column 2 \('load'\) is missing"):
        load(path)


def test_a_column_of_lists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="is no table of numbers in Parquet, or was cut"):
        load(written(tmp_path, load=[[1.0, 2.0]] * COUNT))


def test_a_file_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(TaskError, match="is no table of numbers in Parquet, or was cut"):
        load(path)


def test_a_table_that_is_too_large_as_text_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, time=[0.0] * COUNT, load=[0.5] * COUNT, price=[1.0] * COUNT)
    monkeypatch.setattr(numbers_file, "LARGEST_TABLE", 5_000)
    with pytest.raises(TaskError, match="has 3,600 fields; a series takes at most 2,500: fewer rows"):
        load(path)
