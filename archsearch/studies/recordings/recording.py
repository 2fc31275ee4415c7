"""A set of recordings: sequences of real numbers, each with the labels of its frames or with a text."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from archsearch.errors import InputError, TaskError
from archsearch.tasks.task import SPLITS, Numbers, Symbols


@dataclass(frozen=True)
class Recording:
    """One sequence.

    Attributes:
        name: What its set calls it.
        inputs: Its frames, shape (T, how many).
        labels: Numbers of entries of the set's alphabet: one for each frame, shape (T,), or those of the text, shape (L,).
    """

    name: str
    inputs: Numbers
    labels: Symbols


@dataclass(frozen=True)
class RecordingSet:
    """A set of recordings in three parts.

    Attributes:
        name: Of the set.
        alphabet: What the labels stand for.
        is_text: Whether labels are a text and not the frames' own.
        parts: The recordings of `train`, `valid` and `test`.
        left_out: How many were left out, by the reason.
    """

    name: str
    alphabet: tuple[str, ...]
    is_text: bool
    parts: Mapping[str, tuple[Recording, ...]]
    left_out: Mapping[str, int]

    def normalised(self) -> RecordingSet:
        """Return the set with inputs of mean 0 and deviation 1 by the training part alone; a constant column becomes 0."""
        frames = np.concatenate([recording.inputs for recording in self.parts["train"]])
        mean, deviation = frames.mean(axis=0), frames.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
        parts = {
            split: tuple(replace(each, inputs=(each.inputs - mean) / scale) for each in recordings)
            for split, recordings in self.parts.items()
        }
        return replace(self, parts=parts)


def checked_set(
    name: str,
    alphabet: tuple[str, ...],
    parts: Mapping[str, Iterable[Recording]],
    *,
    is_text: bool,
    left_out: Counter[str],
    folder: Path,
) -> RecordingSet:
    """Return a set of which every part has something.

    Args:
        name: Of the set.
        alphabet: What the labels stand for.
        parts: The recordings of `train`, `valid` and `test`.
        is_text: Whether labels are a text.
        left_out: How many were left out, by the reason.
        folder: Where the set lies, for people.

    Raises:
        TaskError: A part is empty.
    """
    whole = {split: tuple(parts[split]) for split in SPLITS}
    if empty := [split for split, recordings in whole.items() if not recordings]:
        reasons = "; ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise TaskError(
            f"{folder}: no recording for {empty[0]} of {name}{f' ({reasons})' if reasons else ''}; "
            "name the folder of the whole set"
        )
    return RecordingSet(name, alphabet, is_text, whole, dict(left_out))


def of_extra(module: str) -> Any:
    """Return a module of the packages that only studies of other papers need.

    Raises:
        InputError: It is not installed; says what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InputError(
            f"this needs the package {module}, which is not installed: pip install archsearch[studies]"
        ) from None


def entries(folder: Path) -> dict[str, Path]:
    """Return what lies in a folder, by its name in lower case: copies of a set differ in the case of letters.

    Raises:
        TaskError: It cannot be read.
    """
    try:
        return {path.name.lower(): path for path in sorted(folder.iterdir())}
    except OSError as error:
        raise TaskError(f"{folder}: {error.strerror}") from None


def read_text(path: Path, encoding: str = "ascii") -> str:
    """Return the text of a file.

    Args:
        path: The file.
        encoding: Of the set it belongs to.

    Raises:
        TaskError: It cannot be read, or is no text.
    """
    try:
        return path.read_bytes().decode(encoding)
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise TaskError(
            f"{path}: byte {error.start} is no {encoding}: a damaged file, or of another set"
        ) from None
