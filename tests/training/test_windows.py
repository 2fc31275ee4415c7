"""Windows of a task as tensors: kept, and equal however they are taken."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from archsearch.errors import TaskError
from archsearch.protocol.seeds import data_generator
from archsearch.tasks import Window, load
from archsearch.training import Streams, windows


class Counting:
    """A task whose inputs count its windows; `valid` ends after five."""

    name, symbols = "counting", 1000
    begun = 0

    def windows(self, split: str, rng: np.random.Generator, batch: int, unroll: int) -> Iterator[Window]:
        """Yield windows."""
        self.begun += 1
        for number in range(5 if split == "valid" else 10**9):
            if split == "test":
                return
            rows = np.full((unroll, batch), number)
            yield Window(rows, rows, np.ones(rows.shape, np.bool_))


def numbers(streams: Streams, count: int, split: str = "train") -> list[int]:
    return [int(batch.inputs[0, 0]) for batch in streams.take(split, 0, 2, 3, count)]


def test_a_stream_begins_at_its_beginning_each_time_and_is_made_once() -> None:
    task = Counting()
    streams = Streams(task, "cpu")  # type: ignore[arg-type]
    for count in (3, 7, 2, 7):
        assert numbers(streams, count) == list(range(count))
    assert task.begun == 1


def test_a_long_stream_is_kept_in_part_and_made_anew_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "KEPT", 4)
    task = Counting()
    streams = Streams(task, "cpu")  # type: ignore[arg-type]
    for count in (10, 3, 10, 4, 5):
        assert numbers(streams, count) == list(range(count))
    (stream,) = streams.streams.values()
    assert len(stream.kept) == 4


@pytest.mark.parametrize(
    ("most", "kind"),
    [(255, torch.uint8), (256, torch.int16), (32_768, torch.int32), (2**31, torch.int64)],
)
def test_whole_numbers_are_kept_in_little_room_and_come_back_as_they_were(
    most: int, kind: torch.dtype
) -> None:
    whole = np.array([[0, 1], [most, 7]])
    window = Window(whole, whole, np.array([[False, False], [True, True]]), np.zeros((2, 2), np.bool_))
    kept = windows.batch_of(window, "cpu", windows.narrowed)
    assert kept.inputs.dtype == kept.targets.dtype == kind
    assert kept.scored is not None and kept.scored.dtype == torch.uint8
    assert str(windows.widened(kept)) == str(windows.batch_of(window, "cpu"))


def test_numbers_below_zero_and_real_ones_stay_what_they_are() -> None:
    window = Window(np.array([[0.5]]), np.array([[-1]]), np.ones((1, 1), np.bool_))
    kept = windows.batch_of(window, "cpu", windows.narrowed)
    assert str(windows.widened(kept)) == str(windows.batch_of(window, "cpu"))
    assert kept.targets.dtype == torch.int16 and int(kept.targets[0]) == -1


def test_what_is_kept_is_a_copy_so_that_a_task_may_write_over_its_window() -> None:
    whole = np.arange(4).reshape(2, 2)
    kept = windows.batch_of(Window(whole, whole, np.ones((2, 2), np.bool_)), "cpu", windows.narrowed)
    whole[:] = 9
    assert kept.inputs.tolist() == [[0, 1], [2, 3]] and kept.targets.tolist() == [0, 1, 2, 3]


def test_a_stream_makes_no_window_before_it_is_asked_for() -> None:
    streams = Streams(Counting(), "cpu")  # type: ignore[arg-type]
    next(streams.take("train", 0, 2, 3, 100))
    (stream,) = streams.streams.values()
    assert len(stream.kept) == 1


def test_two_readers_do_not_disturb_each_other() -> None:
    streams = Streams(Counting(), "cpu")  # type: ignore[arg-type]
    one, other = streams.take("train", 0, 2, 3, 6), streams.take("train", 0, 2, 3, 6)
    next(one)
    assert [int(batch.inputs[0, 0]) for batch in other] == list(range(6))
    assert [int(batch.inputs[0, 0]) for batch in one] == [1, 2, 3, 4, 5]


def test_a_file_that_ends_earlier_gives_fewer_windows() -> None:
    assert numbers(Streams(Counting(), "cpu"), 9, "valid") == [0, 1, 2, 3, 4]  # type: ignore[arg-type]


def test_a_part_without_a_window_is_refused() -> None:
    with pytest.raises(
        TaskError, match="counting: its test part has no window of this size; give it more text"
    ):
        numbers(Streams(Counting(), "cpu"), 1, "test")  # type: ignore[arg-type]


def test_batches_hold_what_the_task_yields_and_targets_where_they_count() -> None:
    task = load("arithmetic:small")
    (batch,) = Streams(task, "cpu").take("train", 3, 4, 20, 1)
    window = next(task.windows("train", data_generator(task.name, "train", 3), 4, 20))
    assert np.array_equal(batch.inputs.numpy(), window.inputs)
    assert batch.scored is not None and batch.reset is None
    assert np.array_equal(batch.scored.numpy(), np.flatnonzero(window.scored))
    assert np.array_equal(batch.targets.numpy(), window.targets[window.scored])


def test_where_all_is_scored_there_are_no_indices() -> None:
    (batch,) = Streams(load("xml:small"), "cpu").take("train", 0, 4, 20, 1)
    assert batch.scored is None and batch.targets.shape == (80,)


def test_memorization_resets_its_states() -> None:
    (batch,) = Streams(load("memorization:small"), "cpu").take("train", 0, 4, 12, 1)
    assert batch.reset is not None and batch.reset.dtype == torch.bool
    assert batch.reset[:, 0].nonzero().flatten().tolist() == [0, 6]


def test_training_data_follow_the_seed_and_validation_data_do_not() -> None:
    streams = Streams(load("xml:small"), "cpu")

    def first(split: str, seed: int) -> list[int]:
        (batch,) = streams.take(split, seed, 4, 20, 1)
        return batch.inputs.flatten().tolist()

    assert first("train", 0) != first("train", 1)
    assert first("valid", 0) == first("valid", 1) != first("test", 0)


def test_only_the_streams_that_were_used_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "STREAMS", 3)
    streams = Streams(Counting(), "cpu")  # type: ignore[arg-type]
    for seed in (0, 1, 2, 0, 3, 4):
        assert len(list(streams.take("train", seed, 2, 3, 2))) == 2
    assert [seed for _, seed, *_ in streams.streams] == [0, 3, 4]
