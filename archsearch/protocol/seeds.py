"""Seeds and generators, made by SHA-256 of words that say what they are for."""

import hashlib
import json

import numpy as np

FRESH = 1_000_000
"""Seeds of trials from here on are the referee's: no search has any of them, and each has test data of its own."""


def seed_of(*words: str | int) -> int:
    """Return a 63-bit seed that depends on the words and their order alone."""
    digest = hashlib.sha256(json.dumps(words).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*words: str | int) -> np.random.Generator:
    """Return a fresh generator that depends on the words and their order alone."""
    digest = hashlib.sha256(json.dumps(words).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def decides_data(split: str, seed: int) -> bool:
    """Return whether a trial's seed decides the data of a split, and not the task alone."""
    return split == "train" or (split == "test" and seed >= FRESH)


def data_generator(task: str, split: str, seed: int) -> np.random.Generator:
    """Return the generator of a task's data: of the seed for training and fresh tests, else of the task alone.

    Args:
        task: The task with its difficulty.
        split: "train", "valid" or "test".
        seed: Of the trial.
    """
    words = ("data", task, split)
    return generator(*words, seed) if decides_data(split, seed) else generator(*words)
