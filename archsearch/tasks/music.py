"""Polyphonic music: the four sets of Boulanger-Lewandowski, Bengio and Vincent (2012), as rolls of 88 notes.

A person brings the files, a folder given by `--data`: `NAME.npz`, plain arrays of uint8, or `NAME.json`, lists of MIDI
numbers. The pickles that the sets are known by are not read, since a pickle runs code when it is opened.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from archsearch.errors import TaskError
from archsearch.words import did_you_mean

LOWEST, NOTES = 21, 88
"""MIDI number of the first column, A0, and how many columns there are, up to C8."""

SPLITS = ("train", "valid", "test")

Note = Annotated[int, msgspec.Meta(ge=LOWEST, lt=LOWEST + NOTES)]
Roll = NDArray[np.uint8]
"""Which notes sound at each step, 0 or 1, shape (steps, 88)."""

MOST_JSON = 1 << 26
"""Bytes that are read of a JSON file, several times those of the largest set."""
HEADER = 1 << 12
"""Bytes that the header of an array may take."""

Counts = Mapping[str, tuple[int, int]]
"""Split -> its sequences and all their steps."""

MUSIC: dict[str, Counts] = {
    "jsb_chorales": {"train": (229, 13_807), "valid": (76, 4_602), "test": (77, 4_725)},
    "nottingham": {"train": (694, 176_561), "valid": (173, 45_513), "test": (170, 44_463)},
    "piano_midi": {"train": (87, 75_911), "valid": (12, 8_540), "test": (25, 19_036)},
    "muse_data": {"train": (524, 245_202), "valid": (135, 82_755), "test": (124, 64_339)},
}
"""Set -> what its files must hold."""

HOW_TO_GET = "--data takes a folder with NAME.npz (arrays train, train_lengths, …) or NAME.json (lists of MIDI numbers)"


@dataclass(frozen=True)
class Music:
    """A set.

    Attributes:
        name: Its name.
        parts: Split -> its sequences.
        checksum: SHA-256 of all of them, whatever file they came from.
    """

    name: str
    parts: Mapping[str, tuple[Roll, ...]]
    checksum: str


def read_music(folder: Path | None, name: str, counts: Counts | None = None) -> Music:
    """Return a set, of the file in a folder.

    Args:
        folder: Where `NAME.npz` or `NAME.json` lies.
        name: A key of MUSIC.
        counts: What it must hold; None for what MUSIC says.

    Raises:
        TaskError: There is no such set, or its file is missing, cut, foreign, or another edition.
    """
    if name not in MUSIC:
        raise TaskError(
            f"no music {name!r}{did_you_mean(name, MUSIC, ' ({})')}; there are {', '.join(MUSIC)}"
        )
    if folder is None:
        raise TaskError(f"the music {name!r} needs its file: {HOW_TO_GET}")
    path, expected = folder / f"{name}.npz", counts or MUSIC[name]
    if path.is_file():
        parts = _of_arrays(path, expected)
    elif (other := path.with_suffix(".json")).is_file():
        path, parts = other, _of_json(other)
    else:
        raise TaskError(f"{path} is missing; {HOW_TO_GET}")
    found = {split: (len(rolls), sum(map(len, rolls))) for split, rolls in parts.items()}
    for split, (sequences, steps) in expected.items():
        if found[split] != (sequences, steps):
            raise TaskError(
                f"{path}: {split} has {found[split][0]:,} sequences of {found[split][1]:,} steps; {name} has {sequences:,} "
                f"of {steps:,}. The file is cut or another edition; {HOW_TO_GET}"
            )
    return Music(name, parts, _checksum(parts))


def _of_arrays(path: Path, expected: Counts) -> dict[str, tuple[Roll, ...]]:
    most = HEADER + max(steps * NOTES for _, steps in expected.values())
    parts = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for split in SPLITS:
                roll, lengths = (
                    _array(archive, name, kind, most)
                    for name, kind in ((split, np.uint8), (f"{split}_lengths", np.int64))
                )
                parts[split] = _cut(roll, lengths, split)
    except OSError as error:
        raise TaskError(f"{path} cannot be read: {error.strerror or error}; {HOW_TO_GET}") from None
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise TaskError(f"{path} is no such file, or was cut: {error}; {HOW_TO_GET}") from None
    return parts


def _array(archive: zipfile.ZipFile, name: str, kind: type[np.generic], most: int) -> NDArray[np.generic]:
    """Return an array of an archive, which is never unpickled and takes no more memory than its file may.

    Args:
        archive: The file.
        name: Of the array.
        kind: Its type.
        most: Bytes that it may have.

    Raises:
        ValueError: It is missing, of another type, or too large.
    """
    try:
        entry = archive.getinfo(f"{name}.npy")
    except KeyError:
        raise ValueError(f"there is no array {name!r}") from None
    if entry.file_size > most:
        raise ValueError(
            f"the array {name!r} says that it has {entry.file_size:,} bytes, at most {most:,} are read"
        )
    content = io.BytesIO(archive.read(entry))
    version = np.lib.format.read_magic(content)
    if version != (1, 0):
        raise ValueError(f"the array {name!r} is of version {version}, not (1, 0)")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(content)
    values = content.read()
    if dtype != np.dtype(kind) or fortran or np.prod(shape, dtype=object) * dtype.itemsize != len(values):
        raise ValueError(
            f"the array {name!r} is {dtype} of shape {shape} in {len(values):,} bytes, not {kind.__name__}"
        )
    return np.frombuffer(values, kind).reshape(shape)


def _cut(roll: NDArray[np.generic], lengths: NDArray[np.generic], split: str) -> tuple[Roll, ...]:
    if roll.ndim != 2 or roll.shape[1] != NOTES or lengths.ndim != 1:
        raise ValueError(
            f"{split} has the shape {roll.shape} with lengths {lengths.shape}, not (steps, {NOTES})"
        )
    ends = np.cumsum(lengths)
    if not len(lengths) or lengths.min() < 1 or lengths.max() > len(roll) or ends[-1] != len(roll):
        raise ValueError(f"the lengths of {split} are not those of {len(roll):,} steps")
    if roll.max(initial=0) > 1:
        raise ValueError(f"{split} has other values than 0 and 1")
    return tuple(np.split(roll.astype(np.uint8), ends[:-1]))


def _of_json(path: Path) -> dict[str, tuple[Roll, ...]]:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_JSON + 1)
    except OSError as error:
        raise TaskError(f"{path} cannot be read: {error.strerror}; {HOW_TO_GET}") from None
    if len(content) > MOST_JSON:
        raise TaskError(f"{path} has more than {MOST_JSON:,} bytes; {HOW_TO_GET}")
    try:
        lists = msgspec.json.decode(content, type=dict[str, list[list[list[Note]]]])
    except (msgspec.DecodeError, RecursionError) as error:
        raise TaskError(f"{path} is no such file, or was cut: {error}; {HOW_TO_GET}") from None
    if missing := [split for split in SPLITS if split not in lists]:
        raise TaskError(f"{path} has no {missing[0]!r}; {HOW_TO_GET}")
    return {split: tuple(map(_rolled, lists[split])) for split in SPLITS}


def _rolled(steps: list[list[int]]) -> Roll:
    roll = np.zeros((len(steps), NOTES), np.uint8)
    for step, notes in enumerate(steps):
        roll[step, [note - LOWEST for note in notes]] = 1
    return roll


def _checksum(parts: Mapping[str, tuple[Roll, ...]]) -> str:
    digest = hashlib.sha256()
    for split in SPLITS:
        digest.update(np.array([len(roll) for roll in parts[split]], "<i8").tobytes())
        for roll in parts[split]:
            digest.update(np.ascontiguousarray(roll).tobytes())
    return digest.hexdigest()
