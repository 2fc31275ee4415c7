"""What every task keeps to."""

from collections.abc import Iterator
from itertools import islice, pairwise
from time import process_time

import numpy as np
import pytest

from archsearch import tasks
from archsearch.tasks import TASKS, Window
from tests.tasks.samples import EPISODES, GENERATED, LONG, take

STREAMS = [spec for spec in GENERATED if spec not in EPISODES]
REAL = [spec for spec in GENERATED if tasks.load(spec).is_real]
SYMBOLS = [spec for spec in GENERATED if spec not in REAL]
LONGEST = 110
"""Steps of the longest episode; all others fit into the windows here."""


@pytest.mark.parametrize("spec", SYMBOLS)
def test_windows_have_the_promised_shapes_and_ranges(spec: str) -> None:
    task = tasks.load(spec)
    for window in take(task, 50):
        shape = window.inputs.shape
        assert shape[1] == 4 and 1 <= shape[0] <= (LONGEST if spec in EPISODES else 35)
        assert window.targets.shape == window.scored.shape == shape
        assert window.inputs.dtype == window.targets.dtype == np.int64 and window.scored.dtype == np.bool_
        assert window.reset is None or (window.reset.shape == shape and window.reset.dtype == np.bool_)
        assert min(window.inputs.min(), window.targets.min()) >= 0
        assert max(window.inputs.max(), window.targets.max()) < task.symbols


@pytest.mark.parametrize("spec", REAL)
def test_windows_of_real_numbers_have_the_promised_shapes(spec: str) -> None:
    task = tasks.load(spec)
    for window in take(task, 50):
        steps = window.scored.shape
        assert steps[1] == 4 and 1 <= steps[0] <= LONGEST
        assert window.scored.dtype == np.bool_
        assert window.reset is not None and window.reset.shape == steps and window.reset[0].all()
        for numbers in (window.inputs, window.targets):
            assert numbers.dtype == np.float64 and numbers.shape[:2] == steps and np.isfinite(numbers).all()
            assert numbers.ndim == 3 and numbers.shape[2] <= task.symbols


@pytest.mark.parametrize("spec", SYMBOLS)
def test_every_symbol_occurs_and_has_a_name(spec: str) -> None:
    task = tasks.load(spec)
    assert task.alphabet is not None and len(set(task.alphabet)) == task.symbols
    windows = take(task, 300, batch=20)
    seen = np.concatenate([window.inputs.ravel() for window in windows])
    if spec in LONG:  # some symbols are said alone
        seen = np.concatenate([seen, *(window.targets[window.scored] for window in windows)])
    assert len(np.unique(seen)) == task.symbols


@pytest.mark.parametrize("spec", GENERATED)
def test_equal_generators_give_equal_windows_however_fast_they_are_read(spec: str) -> None:
    task = tasks.load(spec)
    slow = task.windows("train", np.random.default_rng(5), 3, 20)
    other = task.windows("train", np.random.default_rng(6), 3, 20)
    for fast in take(task, 60, seed=5, batch=3, unroll=20):
        next(other)
        window = next(slow)
        assert np.array_equal(window.inputs, fast.inputs)
        assert np.array_equal(window.targets, fast.targets)
        assert np.array_equal(window.scored, fast.scored)


@pytest.mark.parametrize("spec", GENERATED)
def test_other_generators_give_other_windows(spec: str) -> None:
    task = tasks.load(spec)
    assert not np.array_equal(take(task, 1, seed=0)[0].inputs, take(task, 1, seed=1)[0].inputs)


@pytest.mark.parametrize("spec", STREAMS)
def test_streams_go_on_from_window_to_window(spec: str) -> None:
    windows = take(tasks.load(spec), 400)
    for window in windows:
        assert np.array_equal(window.targets[:-1], window.inputs[1:])
        assert window.reset is None
    for before, after in pairwise(windows):
        assert np.array_equal(before.targets[-1], after.inputs[0])


@pytest.mark.parametrize("spec", STREAMS)
def test_streams_do_not_depend_on_the_window_length(spec: str) -> None:
    task = tasks.load(spec)
    short, long = take(task, 60, unroll=10), take(task, 6, unroll=100)
    for field in ("inputs", "targets", "scored"):
        joined = [np.concatenate([getattr(window, field) for window in windows]) for windows in (short, long)]
        assert np.array_equal(*joined)


@pytest.mark.parametrize("spec", GENERATED)
def test_figures_of_a_task_are_in_order(spec: str) -> None:
    task = tasks.load(spec)
    assert task.name == spec
    assert task.spread > 0
    if task.measure == "accuracy":
        assert 0 < task.floor < task.ceiling <= 1
    else:
        assert task.floor > task.ceiling == 0


def test_checksums_are_hexadecimal_and_tell_the_difficulties_apart() -> None:
    checksums = {tasks.load(spec).checksum for spec in GENERATED}
    assert len(checksums) == len(GENERATED)
    assert all(len(checksum) == 64 and int(checksum, 16) for checksum in checksums)


@pytest.mark.timing
@pytest.mark.parametrize("spec", GENERATED)
def test_generation_keeps_ahead_of_training(spec: str) -> None:
    windows = tasks.load(spec).windows("train", np.random.default_rng(0), 20, 35)
    next(windows)
    best = min(_seconds(windows) for _ in range(3))
    assert best < 0.5e-3  # measured: 0.01 to 0.2 ms; a training step takes 5 ms


def _seconds(windows: Iterator[Window]) -> float:
    start = process_time()
    for _ in islice(windows, 200):
        pass
    return (process_time() - start) / 200


def test_every_family_lists_a_small_and_a_published_size_where_there_is_one() -> None:
    for name, family in TASKS.items():
        assert "small" in family.difficulties
        assert name == "english" or family.difficulties[0] == "paper"
