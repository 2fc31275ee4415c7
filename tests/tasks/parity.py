"""A task of one's own: say whether the bits so far hold an odd number of ones."""

import numpy as np


class Parity:
    symbols = 4  # the bits 0 and 1, and the answers 2 (even) and 3 (odd)
    floor = 0.5  # what guessing scores; the ceiling is 1

    def windows(self, split, rng, batch, unroll):
        state = np.zeros(batch, dtype=int)
        while True:
            bits = rng.integers(2, size=(unroll, batch))
            ones = state + np.cumsum(bits, axis=0)
            state = ones[-1] % 2
            scored = np.ones((unroll, batch), dtype=bool)
            yield bits, 2 + ones % 2, scored
