"""A series of which a mean and a variance are predicted: what is said, floor and ceiling."""

from pathlib import Path

import numpy as np
import pytest

from archsearch import tasks
from archsearch.errors import TaskError
from archsearch.tasks.first_windows import check_first_windows
from archsearch.tasks.series import Series
from tests.tasks.samples import take

RNG = np.random.default_rng(11)
ROWS = 1_200
VALID = np.arange(960, 1_080)
NOISE = RNG.standard_normal(ROWS)
WALK = RNG.standard_normal(ROWS).cumsum()
SEASON = np.sin(np.arange(ROWS) * 2 * np.pi / 24) + 0.1 * RNG.standard_normal(ROWS)


def load(tmp_path: Path, *columns: np.ndarray, options: str = "loss=nll", head: str = "") -> Series:
    path = tmp_path / "series.csv"
    lines = (",".join(map(repr, row)) for row in np.stack(columns, axis=1).tolist())
    path.write_text(head + "\n".join(lines) + "\n")
    task = tasks.load(f"series:{path}?{options}")
    assert isinstance(task, Series)
    return task


def scaled(column: np.ndarray, train: slice = slice(960)) -> np.ndarray:
    return (column - column[train].mean()) / column[train].std()


def nll(missed: np.ndarray, trained: np.ndarray) -> float:
    """Return the mean loss of what is missed, where the variance is that of what training misses."""
    variance = np.square(trained).mean()
    return float((np.log(2 * np.pi * variance) + np.square(missed) / variance).mean() / 2)


def test_the_windows_are_those_of_the_squared_error(tmp_path: Path) -> None:
    said = load(tmp_path, NOISE, WALK, options="loss=nll&target=2&horizon=3")
    silent = load(tmp_path, NOISE, WALK, options="target=2&horizon=3")
    check_first_windows(said)
    for ours, theirs in zip(take(said, 5), take(silent, 5), strict=True):
        assert np.array_equal(ours.inputs, theirs.inputs) and np.array_equal(ours.targets, theirs.targets)
    assert (said.measure, silent.measure) == ("gaussian_nll", "mse")
    assert said.checksum != silent.checksum


def test_two_numbers_are_said_of_each_target(tmp_path: Path) -> None:
    found = {
        options: load(tmp_path, NOISE, WALK, SEASON, options=options)
        for options in ("loss=mse", "loss=nll", "loss=nll&target=1")
    }
    assert [task.outputs for task in found.values()] == [3, 6, 2]
    assert [task.symbols for task in found.values()] == [3, 6, 3]


def test_the_floor_has_the_variance_that_the_best_predictor_has_in_training(tmp_path: Path) -> None:
    walk, noise = scaled(WALK), scaled(NOISE)
    last = nll(walk[VALID[1:]] - walk[VALID[:-1]], np.diff(walk[:960]))
    assert load(tmp_path, WALK).floor == pytest.approx(last, rel=1e-12)
    assert last < 0, "a density is above 1 where steps are small"
    assert load(tmp_path, NOISE).floor == pytest.approx(nll(noise[VALID[1:]], noise[1:960]), rel=1e-12)


def test_the_floor_knows_the_last_season(tmp_path: Path) -> None:
    series, options = scaled(SEASON), "loss=nll&horizon=30&season=24"
    days = nll(series[VALID[30:]] - series[VALID[30:] - 48], series[48:960] - series[: 960 - 48])
    assert load(tmp_path, SEASON, options=options).floor == pytest.approx(days, rel=1e-12)
    assert load(tmp_path, SEASON, options="loss=nll&horizon=30").floor > days + 1


def test_the_floor_s_variance_is_that_of_all_series_of_a_file_together(tmp_path: Path) -> None:
    keys = np.arange(ROWS) % 2.0
    task = load(tmp_path, WALK, keys, options="loss=nll&key=of&target=load", head="load,of\n")
    both = [WALK[keys == key] for key in (0, 1)]
    train = np.concatenate([each[:480] for each in both])
    steps = [np.diff((each - train.mean()) / train.std()) for each in both]
    missed = np.concatenate([each[480:539] for each in steps])
    trained = np.concatenate([each[:479] for each in steps])
    assert task.floor == pytest.approx(nll(missed, trained), rel=1e-12)


def test_the_ceiling_is_what_the_least_variance_loses_where_all_is_met(tmp_path: Path) -> None:
    one, both = load(tmp_path, NOISE), load(tmp_path, NOISE, WALK)
    assert one.ceiling == pytest.approx(np.log(2 * np.pi * 1e-6) / 2, rel=1e-12)
    assert both.ceiling == pytest.approx(2 * one.ceiling) and one.spread > 0


def test_a_series_that_is_known_more_closely_than_a_variance_tells_is_refused(tmp_path: Path) -> None:
    ramp = np.arange(5_000.0)
    with pytest.raises(TaskError, match=r"to a thousandth of their deviation.*\(horizon=\).*\(loss=mse\)"):
        load(tmp_path, ramp)
    assert load(tmp_path, ramp, options="loss=nll&horizon=24").floor > -5
    still = np.where(np.arange(ROWS) < 960, NOISE, 1.0)
    with pytest.raises(TaskError, match="does not change from 80 to 90 % of its rows"):
        load(tmp_path, still)
