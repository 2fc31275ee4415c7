"""Seeds and generators, made by SHA-256 of words that say what they are for."""

import hashlib
import json

import numpy as np


def seed_of(*words: str | int) -> int:
    """Return a 63-bit seed that depends on the words and their order alone."""
    digest = hashlib.sha256(json.dumps(words).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*words: str | int) -> np.random.Generator:
    """Return a fresh generator that depends on the words and their order alone."""
    digest = hashlib.sha256(json.dumps(words).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def data_generator(task: str, split: str, seed: int) -> np.random.Generator:
    """Return the generator of a task's data: of the seed for training, of the task alone for validation and test.

    Args:
        task: The task with its difficulty.
        split: "train", "valid" or "test".
        seed: Of the trial.
    """
    return generator("data", task, split, seed) if split == "train" else generator("data", task, split)
