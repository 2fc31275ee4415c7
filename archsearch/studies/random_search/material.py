"""What trials of the random search learn: sequences, each with what is to be said of it, in three parts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsearch.studies.random_search.goals import GOALS, Goal
from archsearch.studies.recordings import RECORDINGS
from archsearch.studies.recordings.recording import RecordingSet
from archsearch.tasks.music import MUSIC, NOTES, Music, read_music
from archsearch.tasks.task import SPLITS

Array = NDArray[np.generic]


@dataclass(frozen=True)
class Example:
    """A sequence.

    Attributes:
        inputs: What is read, shape (T, how many).
        wanted: What is to be said, in the shape that its goal takes.
    """

    inputs: Array
    wanted: Array


@dataclass(frozen=True)
class Material:
    """A set of sequences.

    Attributes:
        name: Its name.
        kind: Its goal, a key of GOALS.
        inputs: Numbers that are read at each step.
        outputs: Output units of what learns.
        parts: Split -> its sequences, those with something to say.
        checksum: SHA-256 of the data.
    """

    name: str
    kind: str
    inputs: int
    outputs: int
    parts: Mapping[str, tuple[Example, ...]]
    checksum: str

    @property
    def goal(self) -> Goal:
        """What is learned."""
        return GOALS[self.kind]


KINDS = {**dict.fromkeys(MUSIC, "notes"), "timit": "frames", "iam_ondb": "text"}
"""What `read_material` knows -> its goal, a key of GOALS."""


def read_material(folder: Path, name: str) -> Material:
    """Return a set that lies in a folder.

    Args:
        folder: Where its file or its folders lie.
        name: A key of KINDS.

    Raises:
        TaskError: Its files are missing, cut or foreign.
        InputError: A package that reads it is not installed.
    """
    if name in MUSIC:
        return of_music(read_music(folder, name))
    return of_recordings(name, RECORDINGS[name](folder))


def of_music(music: Music) -> Material:
    """Return music of which each step is to be said from those before; the first of a sequence is only read."""
    parts = {
        split: tuple(Example(roll[:-1], roll[1:]) for roll in rolls if len(roll) > 1)
        for split, rolls in music.parts.items()
    }
    return Material(
        music.name, KINDS[music.name], inputs=NOTES, outputs=NOTES, parts=parts, checksum=music.checksum
    )


def of_recordings(name: str, recordings: RecordingSet) -> Material:
    """Return recordings, normalised by their training part.

    Args:
        name: A key of RECORDINGS.
        recordings: The set.
    """
    even = recordings.normalised()
    parts = {
        split: tuple(Example(one.inputs.astype(np.float32), one.labels) for one in ones)
        for split, ones in even.parts.items()
    }
    digest = hashlib.sha256()
    for split in SPLITS:
        for example in parts[split]:
            digest.update(np.array(example.inputs.shape, "<i8").tobytes() + example.inputs.tobytes())
            digest.update(example.wanted.astype("<i8").tobytes())
    inputs = even.parts["train"][0].inputs.shape[1]
    outputs = len(even.alphabet) + even.is_text  # a text has blanks between its characters
    return Material(
        name, KINDS[name], inputs=inputs, outputs=outputs, parts=parts, checksum=digest.hexdigest()
    )
