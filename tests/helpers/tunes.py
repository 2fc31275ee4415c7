"""A small set of made-up music: chords that go up and down."""

from __future__ import annotations

from pathlib import Path

import numpy as np

LENGTHS = {"train": [8, 6, 9, 7, 10, 8], "valid": [7, 9], "test": [8, 6]}
COUNTS = {split: (len(lengths), sum(lengths)) for split, lengths in LENGTHS.items()}


def write_tunes(folder: Path, compressed: bool = True) -> Path:
    """Write the set as `jsb_chorales.npz` into a folder, and return the file."""
    arrays: dict[str, np.ndarray] = {}
    for split, lengths in LENGTHS.items():
        steps = np.arange(sum(lengths))
        roll = np.zeros((len(steps), 88), np.uint8)
        for voice in (30, 34, 37):
            roll[steps, voice + 2 * (steps % 3)] = 1
        arrays |= {split: roll, f"{split}_lengths": np.array(lengths)}
    path = folder / "jsb_chorales.npz"
    (np.savez_compressed if compressed else np.savez)(path, **arrays)  # type: ignore[arg-type]  # numpy's own stub
    return path
