"""`labels:FILE`: say which class a sequence of numbers is of, once it has ended.

Of each class the first 60 % in a fixed random order are for training, the next 20 % for validation, the rest for testing.
Every channel is brought to mean 0 and deviation 1 by the training part. The score is accuracy; its floor is that of
always saying the class that is commonest in training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archsearch.errors import TaskError
from archsearch.tasks.episodes import end_scored
from archsearch.tasks.labelled import LabelledFile, read_labelled
from archsearch.tasks.scaling import Scaling
from archsearch.tasks.task import (
    SPLITS,
    Measure,
    Numbers,
    Symbols,
    Window,
    accuracy_spread,
    fixed_generator,
    words_checksum,
)

VERSION = 1
FEWEST_OF_CLASS = 5
"""Sequences of a class: three, one and one."""
MOST_CLASSES = 1_000
LONGEST = 5_000
"""Most steps times channels of a sequence: a thousand windows of twenty are kept in memory."""


@dataclass(frozen=True, eq=False)
class Labels:
    """The task on one file."""

    name: str
    sequences: tuple[Numbers, ...]
    """Of all parts, each of shape (T, channels), normalised."""
    classes: Symbols
    """The class of each, shape (sequences,)."""
    parts: Mapping[str, Symbols]
    """Which sequences are of `train`, `valid` and `test`."""
    checksum: str
    """SHA-256 of the file, and of what is said of its columns."""
    labels: tuple[str, ...]
    """What each class is called."""
    scaling: Scaling
    """How the channels were brought to mean 0 and deviation 1."""

    measure: Measure = "accuracy"
    is_real: bool = True
    ceiling: float = 1.0
    alphabet: None = None

    @property
    def symbols(self) -> int:
        """The classes, or the channels where these are more."""
        return max(int(self.classes.max()) + 1, int(self.sequences[0].shape[1]))

    @property
    def floor(self) -> float:
        """The validation accuracy of always saying the class that is commonest in training."""
        commonest = np.bincount(self.classes[self.parts["train"]]).argmax()
        return float((self.classes[self.parts["valid"]] == commonest).mean())

    @property
    def spread(self) -> float:
        """Standard deviation of one answer."""
        return accuracy_spread(self.floor, self.ceiling)

    def windows(self, split: str, rng: np.random.Generator, batch: int, unroll: int) -> Iterator[Window]:
        """Yield windows of whole sequences; the last one of a pass may have streams that are scored nowhere.

        Args:
            split: `train`, for ever, each sequence once in a random order and then again; `valid` or `test`, once.
            rng: The order of training.
            batch: B, at least 1.
            unroll: Not used: a window is as long as its longest sequence.
        """
        if split not in SPLITS:
            raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")
        part = self.parts[split]
        if split != "train":
            for start in range(0, len(part), batch):
                yield self._window(part[start : start + batch], batch)
            return
        waiting = part[:0]
        while True:
            while len(waiting) < batch:
                waiting = np.concatenate((waiting, rng.permutation(part)))
            yield self._window(waiting[:batch], batch)
            waiting = waiting[batch:]

    def _window(self, chosen: Symbols, batch: int) -> Window:
        lengths = np.ones(batch, np.int64)
        lengths[: len(chosen)] = [len(self.sequences[number]) for number in chosen]
        inputs = np.zeros((lengths.max(), batch, self.sequences[0].shape[1]))
        targets = np.zeros(batch, np.int64)
        for stream, number in enumerate(chosen):
            inputs[: lengths[stream], stream] = self.sequences[number]
            targets[stream] = self.classes[number]
        window = end_scored(inputs, targets, lengths)
        window.scored[:, len(chosen) :] = False
        return window


def load_labels(name: str, path: Path, options: str) -> Labels:
    """Return the task on a file.

    Args:
        name: The task's name.
        path: The file.
        options: What the name says of a table's columns.

    Raises:
        TaskError: The file holds no labelled sequences, too few or too long ones, or a channel says nothing.
    """
    found = read_labelled(path, options)
    names, classes = np.unique(np.array(found.labels, dtype=object).astype(str), return_inverse=True)
    _check(path, found, names, np.bincount(classes))
    checksum = words_checksum("labels", VERSION, found.sha256, options)
    rng = fixed_generator("labels", VERSION, found.sha256)
    parts: dict[str, list[int]] = {split: [] for split in SPLITS}
    for number in range(len(names)):
        members = rng.permutation(np.flatnonzero(classes == number))
        train, valid = len(members) * 60 // 100, len(members) * 80 // 100
        for split, some in zip(SPLITS, np.split(members, [train, valid]), strict=True):
            parts[split] += some.tolist()
    ordered = {split: np.sort(np.array(numbers)) for split, numbers in parts.items()}
    scaling = _scaling(path, found.sequences, ordered["train"])
    sequences = tuple(map(scaling.scaled, found.sequences))
    return Labels(name, sequences, classes, ordered, checksum, labels=tuple(map(str, names)), scaling=scaling)


def _check(path: Path, found: LabelledFile, names: Symbols, counts: Symbols) -> None:
    if not 2 <= len(names) <= MOST_CLASSES:
        raise TaskError(f"{path} has {len(names):,} different labels; 2 to {MOST_CLASSES:,} are needed")
    if counts.min() < FEWEST_OF_CLASS:
        raise TaskError(
            f"{path} has {counts.min()} sequences of label {str(names[counts.argmin()])[:40]!r}; each needs at least "
            f"{FEWEST_OF_CLASS}: three to learn from, one to validate, one to test"
        )
    largest = max(sequence.size for sequence in found.sequences)
    if largest > LONGEST:
        raise TaskError(
            f"{path} has a sequence of {largest:,} numbers, steps times channels; at most {LONGEST:,} are learned from: cut "
            "sequences, or take every second step"
        )


def _scaling(path: Path, sequences: tuple[Numbers, ...], train: Symbols) -> Scaling:
    """Return what gives each channel mean 0 and deviation 1 over the steps of the sequences for training."""
    steps = np.concatenate([sequences[number] for number in train])
    with np.errstate(over="ignore"):
        mean, deviation = steps.mean(axis=0), steps.std(axis=0)
    for channel, spread in enumerate(deviation, 1):
        if not 0 < spread < np.inf:
            what = "is the same number throughout" if spread == 0 else "has numbers too large to add"
            raise TaskError(f"{path}: channel {channel} {what} in the part for training; leave it out")
    names = tuple(str(channel) for channel in range(1, len(mean) + 1))
    return Scaling(names, tuple(mean.tolist()), tuple(deviation.tolist()))
