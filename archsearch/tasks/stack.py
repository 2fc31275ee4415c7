"""Stack manipulation: push a or b, or pop; then say what lies on the stack, from its top down.

After Delétang et al. (2023, arXiv:2207.02098). The first half of a sequence are the orders, each as likely; the second half
are marks `=`, at which the answers are due. A pop of nothing does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from archsearch.tasks.lengths import FROM_TWO, LengthTask, Sequences, Span, length_family

VERSION = 1
POP, ANSWER = 2, 3


@dataclass(frozen=True)
class Stack(LengthTask):
    """The task `stack` at one difficulty."""

    floor: float = 0.5
    alphabet: tuple[str, ...] = ("a", "b", "-", "=")
    version: tuple[object, ...] = (VERSION,)

    def draw(self, rng: np.random.Generator, span: Span, count: int) -> Sequences:
        """Return orders and marks, scored where the stack still has something to say, shape (T, count).

        Args:
            rng: The only source of chance.
            span: The lengths; an odd one loses its last step.
            count: How many sequences.
        """
        step = np.arange(span[1])[:, None]
        orders = rng.integers(span[0], span[1] + 1, size=count) // 2
        text = np.where(step < orders, rng.integers(ANSWER, size=(span[1], count)), ANSWER)
        column, height = np.arange(count), np.zeros(count, np.int64)
        stack = np.zeros((span[1], count), np.int64)
        for order in text[: span[1] // 2]:
            pushes = order < POP
            stack[height[pushes], column[pushes]] = order[pushes]
            height += pushes
            height -= (order == POP) & (height > 0)
        place = height - 1 - (step - orders)
        scored = (step >= orders) & (place >= 0)
        return Sequences(text, np.where(scored, stack[np.maximum(place, 0), column], 0), scored)


STACK = length_family(partial(Stack, "stack"), FROM_TWO)
