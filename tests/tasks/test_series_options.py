"""Which columns of a table are predicted, how far ahead, and how several series lie in one file."""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from archsearch import tasks
from archsearch.errors import TaskError
from archsearch.tasks.first_windows import check_first_windows
from archsearch.tasks.series_options import SeriesOptions, read_options
from archsearch.tasks.task import words_checksum
from tests.tasks.samples import take

RNG = np.random.default_rng(3)
ROWS = 1_200
LOAD = np.sin(np.arange(ROWS) * 2 * np.pi / 24) + 0.1 * RNG.standard_normal(ROWS)
PRICE = RNG.standard_normal(ROWS).cumsum()


def written(tmp_path: Path, keys: list[str] | None = None, change: dict[int, str] | None = None) -> Path:
    path = tmp_path / "load.csv"
    keys = keys or ["a"] * ROWS
    hours = [
        (datetime(2026, 1, 1) + timedelta(hours=row)).isoformat(timespec="minutes") for row in range(ROWS)
    ]
    rows = zip(hours, map(repr, LOAD.tolist()), map(repr, PRICE.tolist()), keys, strict=True)
    lines = ["hour,load,price,place", *map(",".join, rows)]
    for number, line in (change or {}).items():
        lines[number - 1] = line
    path.write_text("\n".join(lines) + "\n")
    return path


def load(path: Path, options: str = "time=hour&key=place") -> tasks.Task:
    return tasks.load(f"series:{path}?{options}")


def scaled(column: np.ndarray) -> np.ndarray:
    train = column[: ROWS * 80 // 100]
    return (column - train.mean()) / train.std()


def test_a_named_column_is_predicted_from_all_that_are_no_times_or_keys(tmp_path: Path) -> None:
    task = load(written(tmp_path), "time=hour&key=place&target=price&horizon=24")
    check_first_windows(task)
    assert task.symbols == 2
    window = take(task, 1, batch=1, unroll=50)[0]
    assert np.allclose(window.inputs[:, 0], np.stack((scaled(LOAD), scaled(PRICE)), axis=1)[:50])
    assert np.allclose(window.targets[:, 0, 0], scaled(PRICE)[24:74])
    assert window.targets.shape == (50, 1, 1) and window.scored.all() and window.reset is None


def test_the_last_target_of_a_part_is_its_last_row(tmp_path: Path) -> None:
    task = load(written(tmp_path), "time=hour&key=place&target=load&horizon=7")
    last = take(task, 1, batch=1, unroll=1_000, split="valid")[0]
    assert len(last.targets) == 120 - 7
    assert last.targets[-1, 0, 0] == pytest.approx(scaled(LOAD)[1_079])


def test_without_options_or_with_those_that_change_nothing_it_is_the_same_task(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("".join(f"{a!r},{b!r}\n" for a, b in zip(LOAD.tolist(), PRICE.tolist(), strict=True)))
    plain, said = tasks.load(f"series:{path}"), load(path, "horizon=1&loss=mse")
    assert plain.checksum == said.checksum
    first, second = take(plain, 1)[0], take(said, 1)[0]
    assert np.array_equal(first.inputs, second.inputs) and np.array_equal(first.targets, second.targets)
    assert load(path, "horizon=2").checksum != plain.checksum != load(path, "target=2").checksum
    assert np.array_equal(take(load(path, "target=2"), 1)[0].targets, first.targets[..., 1:])


def test_the_checksum_of_a_task_is_what_it_was_before_there_were_losses(tmp_path: Path) -> None:
    path = written(tmp_path)
    file = hashlib.sha256(path.read_bytes()).hexdigest()
    said = "SeriesOptions(target=(), time='hour', key='place', horizon=2, season=0)"
    assert load(path, "time=hour&key=place&horizon=2").checksum == words_checksum("series", file, said)


def test_several_series_lie_in_one_file_and_nothing_goes_from_one_to_the_next(tmp_path: Path) -> None:
    keys = ["east" if row % 3 else "west" for row in range(ROWS)]
    task = load(written(tmp_path, keys), "time=hour&key=place&target=load&horizon=2")
    whole = take(task, 1, batch=1, unroll=957, split="train")[0]
    west, east = LOAD[np.arange(ROWS) % 3 == 0], LOAD[np.arange(ROWS) % 3 != 0]
    trained = np.concatenate((west[:320], east[:640]))
    expected = [(series - trained.mean()) / trained.std() for series in (west, east)]
    assert whole.reset is not None
    assert np.flatnonzero(whole.reset[:, 0]).tolist() == [0, 319]
    assert np.flatnonzero(~whole.scored[:, 0]).tolist() == [
        318
    ]  # the last of west, which has no row after it
    assert np.allclose(whole.inputs[:319, 0, 0], expected[0][:319])
    assert np.allclose(whole.targets[:318, 0, 0], expected[0][2:320])
    assert np.allclose(whole.targets[319:, 0, 0], expected[1][2:640][: 957 - 319])


def test_the_floor_is_that_of_the_last_season_where_that_is_best(tmp_path: Path) -> None:
    path, common = written(tmp_path), "time=hour&key=place&target=load&horizon=30"
    series, valid = scaled(LOAD), np.arange(960 + 30, 1_080)
    last = np.square(series[valid] - series[valid - 30]).mean()
    season = np.square(
        series[valid] - series[valid - 48]
    ).mean()  # two days before: what is known 30 hours ahead
    mean = np.square(series[valid]).mean()
    assert season < mean < last
    assert load(path, common).floor == pytest.approx(mean, rel=1e-9)
    assert load(path, f"{common}&season=24").floor == pytest.approx(season, rel=1e-9)


def test_marks_within_names_are_written_in_percents() -> None:
    assert read_options("target=a%2Cb,c%26d,e f&time=t") == SeriesOptions(("a,b", "c&d", "e f"), "t")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("horizen=2", r"no option 'horizen' \(did you mean 'horizon'\?\)"),
        ("horizon=0", "horizon=0: a series takes 1 to 100,000 rows there"),
        ("horizon=1.5", "horizon=1.5: a series takes"),
        ("season=1", "season=1: a series takes 2 to"),
        ("loss=gauss", "loss=gauss: a series takes mse or nll there"),
        ("loss=NLL", r"loss=NLL \(did you mean 'nll'\?\): a series takes mse or nll there"),
        ("loss=", "loss= of a series task says nothing; it takes mse, the squared error, or nll"),
        ("horizon=2&horizon=3", "horizon= of a series task is given twice"),
        ("target=load,load", "names a column twice"),
        ("time=hour&key=", "key= of a series task says nothing"),
        (
            "time=hour&key=place&target=prise",
            r"no column 'prise' \(did you mean 'price'\?\); there are load, price",
        ),
        ("time=our&key=place", r"no column 'our' \(did you mean 'hour'\?\)"),
        ("key=place", r"load.csv:2: column 1 \('hour'\) is '2026-01-01T00:00', which is no number"),
        (
            "time=place&key=hour",
            "hour '2026-01-01T00:00' has 1 rows; with horizon=1 a series needs at least 20",
        ),
        (
            "time=hour&key=place&horizon=200",
            "place 'a' has 1,200 rows; with horizon=200 a series needs at least 2,010",
        ),
        (
            "time=hour&key=place&season=960",
            "place 'a' has 960 rows for training, fewer than season=960 and horizon=1",
        ),
    ],
)
def test_options_that_say_nothing_right_are_refused(tmp_path: Path, options: str, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        load(written(tmp_path), options)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "2026-01-01T00:00,1,1,a",
            "load.csv:5: hour is 2026-01-01T00:00 after 2026-01-01T02:00 on line 4; sort the rows",
        ),
        ("noon,1,1,a", "load.csv:5: hour is 'noon'; times are numbers or as 2026-03-01T12:30"),
        ("2026-01-01T03:00+01:00,1,1,a", "load.csv:5: hour is 2026-01-01T03:00"),
        (",1,1,a", r"load.csv:5: column 1 \('hour'\) is missing"),
        ("2026-01-01T03:00,1,1,a,9", "load.csv:5: 5 fields, and the first line has 4"),
        ("2026-01-01T03:00,one,1,a", r"load.csv:5: column 2 \('load'\) is 'one', which is no number"),
    ],
)
def test_a_row_that_does_not_follow_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        load(written(tmp_path, change={5: line}))
