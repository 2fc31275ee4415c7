"""Speech from NIST SPHERE files, as TIMIT's are, whatever their ending; some copies hold RIFF audio under the same name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from archsearch.errors import TaskError
from archsearch.studies.recordings.recording import of_extra
from archsearch.tasks.task import Symbols

RATE = 16_000
"""Samples a second."""

MAGIC = b"NIST_1A\n"
LONGEST_HEADER = 1 << 16


def read_speech(path: Path) -> Symbols:
    """Return the samples of a file of 16 bits, one channel and 16 kHz, shape (samples,).

    Raises:
        TaskError: It is cut, compressed, or no such audio.
        InputError: soundfile is not installed.
    """
    promised = _promised(path)
    soundfile = of_extra("soundfile")
    try:
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise TaskError(f"{path}: no audio that can be read: {error}") from None
    if rate != RATE or samples.shape[1] != 1:
        raise TaskError(
            f"{path}: {rate} Hz and {samples.shape[1]} channels; TIMIT has {RATE} Hz and one channel"
        )
    if promised is not None and len(samples) != promised:
        raise TaskError(
            f"{path}: {len(samples)} samples, its header says {promised}: cut short; copy it again"
        )
    return np.asarray(samples[:, 0], dtype=np.int64)


def _promised(path: Path) -> int | None:
    """Return how many samples a SPHERE header speaks of; None for a file of another kind.

    Raises:
        TaskError: The file cannot be read, its header is none, or the samples are compressed.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return None
            size = file.readline(16).strip()
            if not size.isdigit() or int(size) > LONGEST_HEADER:
                raise TaskError(f"{path}: line 2 of a SPHERE header is its size, not {size!r}")
            header = file.read(int(size) - file.tell()).decode("ascii", "replace")
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}") from None
    fields = dict(_field(line) for line in header.split("end_head")[0].splitlines() if line.strip())
    coding = fields.get("sample_coding", "pcm")
    if coding != "pcm":
        raise TaskError(f"{path}: samples are coded as {coding!r}; unpack the set first (sph2pipe, w_decode)")
    count = fields.get("sample_count", "")
    if "end_head" not in header or not count.isdigit():
        raise TaskError(f"{path}: a SPHERE header without sample_count or end: a damaged file")
    return int(count)


def _field(line: str) -> tuple[str, str]:
    name, _, rest = line.strip().partition(" ")
    return name, rest.partition(" ")[2].strip()
