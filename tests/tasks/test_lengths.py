"""What every task keeps to that says how long its sequences are."""

from collections.abc import Callable

import numpy as np
import pytest

from archsearch import tasks
from archsearch.tasks import TASKS, Window
from archsearch.tasks.lengths import LAST, READ_OUTS, LengthTask
from tests.tasks.samples import take
from tests.tasks.solvers import SOLVERS, loaded, long_tasks, sequences, wrong_answers

SPECS = long_tasks()
SPLITS = {"train": 40, "valid": 30, "test": 50}
"""Windows of each split that are looked at."""


FIRST_ANSWER: dict[str, Callable[[int], int]] = {
    "stack": lambda shortest: shortest // 2 + 1,
    "bucket_sort": lambda shortest: shortest // 2 + 1,
    "modular": lambda shortest: 2 + 4 * ((shortest - 2) // 4),
    "selective_copy:paper": lambda shortest: shortest - 15,
    "selective_copy:small": lambda shortest: shortest - 3,
}
"""By family or by name the first step that may be scored where the shortest sequence has so many; elsewhere its last."""


def scored_steps(window: Window) -> list[int]:
    """Return how many steps were read where something is scored, in a sequence."""
    return [int(step) + 1 for step in np.flatnonzero(window.scored[:, 0])]


def test_every_task_with_lengths_of_its_own_has_a_solver() -> None:
    known = [name for name in TASKS if name != "ptb" and isinstance(tasks.load(f"{name}:small"), LengthTask)]
    assert list(SOLVERS) == known


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("spec", SPECS)
def test_a_solver_that_knows_only_the_rules_is_never_wrong(spec: str, split: str) -> None:
    task, solved = loaded(spec), 0
    for sequence in sequences(task, split, SPLITS[split]):
        assert wrong_answers(task, sequence) == 0
        solved += int(sequence.scored.sum())
    assert solved >= 4


@pytest.mark.parametrize("spec", SPECS)
def test_no_length_that_is_scored_was_trained_and_the_test_is_longest(spec: str) -> None:
    lengths = loaded(spec).lengths
    longest = lengths.train[1]
    assert lengths.valid == (2 * longest, 4 * longest)
    assert lengths.test == (16 * longest - LAST + 1, 16 * longest)
    assert all(lengths.span(str(length)) == (length - LAST + 1, length) for length in READ_OUTS)


@pytest.mark.parametrize("split", ["train", "valid", "test", "256"])
@pytest.mark.parametrize("spec", SPECS)
def test_answers_are_scored_within_the_lengths_of_the_split(spec: str, split: str) -> None:
    task = loaded(spec)
    low, high = task.lengths.span(split)
    steps = {step for each in sequences(task, split, 60) for step in scored_steps(each)}
    assert max(steps) <= high and len(steps) > 1
    first = FIRST_ANSWER.get(task.family) or FIRST_ANSWER.get(task.name) or int
    assert min(steps) >= first(low)


@pytest.mark.parametrize("spec", SPECS)
def test_training_windows_are_whole_sequences_and_long_ones_take_several_windows_elsewhere(spec: str) -> None:
    task = loaded(spec)
    longest = task.lengths.train[1]
    (train,) = take(task, 1, unroll=2 * longest + 1)
    assert len(train.inputs) == 2 * longest
    assert train.reset is not None and list(np.flatnonzero(train.reset[:, 0])) == [0, longest]
    assert len(take(task, 1, unroll=5)[0].inputs) == longest
    parts = take(task, 9, unroll=longest // 2, split="valid")
    resets = [bool(part.reset is not None and part.reset.any()) for part in parts]
    assert resets == [True, *[False] * 7, True]


@pytest.mark.parametrize("spec", SPECS)
def test_no_answer_to_what_is_read_at_the_same_step_beats_the_floor(spec: str) -> None:
    task = loaded(spec)
    counts = np.zeros((task.symbols, task.symbols))
    for window in take(task, 400, batch=50, split="valid"):
        np.add.at(counts, (window.inputs[window.scored], window.targets[window.scored]), 1)
    scored = counts.sum()
    chance = task.symbols**2 / scored  # what the best of so many answers gains by luck, about
    assert counts.max(axis=1).sum() / scored == pytest.approx(task.floor, abs=0.01 + chance)


def test_a_task_stretched_once_is_trained_and_tested_on_the_same_lengths() -> None:
    task = loaded("s3:small")
    assert task.stretched(1).lengths.test == task.lengths.train == (1, 16)
    assert task.stretched(10).lengths.test == (145, 160)
