"""A memory task of one's own: say what was last written into one of four registers, whenever it is read.

    python examples/case_memory.py
    archsearch evolve --task examples/case_memory.py:Registers

A step writes a value into a register, or reads a register, or does nothing, and what was written long ago counts as much as
what was written just now. How the search went is told in docs/cases.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

REGISTERS, VALUES = 4, 4
WRITES = REGISTERS * VALUES
NOTHING = WRITES + REGISTERS
"""Symbols: a write is the register times VALUES plus the value, then come the reads, then what does nothing."""

CHANCES = (0.15, 0.25, 0.6)
"""That a step writes, reads, or does nothing."""


class Registers:
    """What `archsearch` takes as a task.

    Attributes:
        symbols: How many there are; the answers are the values, from 0.
        floor: What guessing a value scores; whoever remembers everything scores 1.
    """

    symbols = NOTHING + 1
    floor = 1 / VALUES

    def windows(
        self, split: str, rng: np.random.Generator, batch: int, unroll: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield inputs, answers and where they count, each of shape (unroll, batch); registers begin with 0."""
        held = np.zeros((REGISTERS, batch), dtype=int)
        streams = np.arange(batch)
        while True:
            register, value = rng.integers((REGISTERS, VALUES), size=(unroll, batch, 2)).transpose(2, 0, 1)
            kind = rng.choice(3, p=CHANCES, size=(unroll, batch))
            answers = np.empty((unroll, batch), dtype=int)
            for step in range(unroll):
                written = kind[step] == 0
                held[register[step, written], streams[written]] = value[step, written]
                answers[step] = held[register[step], streams]
            yield np.choose(kind, (register * VALUES + value, WRITES + register, NOTHING)), answers, kind == 1


def main() -> None:
    """Print a stream, its answers below it."""
    names = [f"{register}={value}" for register in "abcd"[:REGISTERS] for value in range(VALUES)]
    names += [f"{register}?" for register in "abcd"[:REGISTERS]] + ["."]
    inputs, answers, scored = next(Registers().windows("train", np.random.default_rng(0), 1, 20))
    print(*(f"{names[symbol]:3}" for symbol in inputs[:, 0]))
    print(
        *(
            f"{answer if counts else '':<3}"
            for answer, counts in zip(answers[:, 0], scored[:, 0], strict=True)
        )
    )


if __name__ == "__main__":
    main()
