"""A task of one's own: say whether the last two bits hold an odd number of ones."""

import numpy as np


class Parity:
    symbols = 4  # the bits 0 and 1, and the answers 2 (even) and 3 (odd)
    floor = 0.5  # what guessing scores; the ceiling is 1

    def windows(self, split, rng, batch, unroll):
        before = np.zeros((1, batch), dtype=int)
        while True:
            bits = np.concatenate([before, rng.integers(2, size=(unroll, batch))])
            ones = bits[:-1] + bits[1:]
            scored = np.ones((unroll, batch), dtype=bool)
            yield bits[1:], 2 + ones % 2, scored
            before = bits[-1:]
