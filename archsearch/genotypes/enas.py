"""Recurrent cells of ENAS as lists of whole numbers: `0 2 1 0 2 1 2 2 4 0 5 0 3 2 6 2`.

Pham, Guan, Zoph, Le and Dean 2018, "Efficient Neural Architecture Search via Parameter Sharing" (arXiv 1802.03268). Its
public code has two forms, both with the activations 0 tanh, 1 relu, 2 sigmoid, 3 identity:

- an even number of numbers: predecessor and activation of each step after step 0, which reads x and h through a tanh; the
  mean of all steps but step 0 is the next h;
- an odd number: the activation of step 0 comes first, and the next h is the mean of the steps that no other step reads, as
  in section 2.1 of the paper.
"""

from __future__ import annotations

import re

from archsearch.cell import Cell
from archsearch.cell.language import MAX_NODES
from archsearch.errors import CellError
from archsearch.genotypes.highway import ACTIVATIONS, Highway, highway_cell

SOURCE = "ENAS string"
FORM = re.compile(r"\s*\[?\s*\d[\d\s,]*\]?\s*", re.ASCII)
"""Numbers with blanks or commas between, in brackets or not."""

DIGITS = 4

STRINGS = {"ENAS": "0 2 1 0 2 1 2 2 4 0 5 0 3 2 6 2"}
"""The final architecture of the public code on Penn Treebank."""


def read_enas(text: str) -> Cell:
    """Return the cell of a list of numbers.

    Raises:
        CellError: It is none.
    """
    words = re.findall(r"[0-9]+", text)
    if not FORM.fullmatch(text) or len(words) > 2 * MAX_NODES or any(len(word) > DIGITS for word in words):
        raise CellError(f"{SOURCE}: no list of small whole numbers with blanks or commas between")
    numbers = [int(word) for word in words]
    highway = _paper(numbers) if len(numbers) % 2 else _code(numbers)
    about = f"A cell of ENAS, Pham et al. 2018 (arXiv 1802.03268): {' '.join(words)}."
    return highway_cell(highway, SOURCE, about)


def _code(numbers: list[int]) -> Highway:
    """Return the cell of an even number of numbers."""
    steps = _steps(numbers)
    return Highway(steps, tuple(range(1, len(steps) + 1)))


def _paper(numbers: list[int]) -> Highway:
    """Return the cell of an odd number of numbers."""
    steps = _steps(numbers[1:])
    read = {predecessor for _, predecessor in steps}
    loose = tuple(step for step in range(len(steps) + 1) if step not in read)
    return Highway(steps, loose, first=_activation(numbers[0]))


def _steps(pairs: list[int]) -> tuple[tuple[str, int], ...]:
    """Return activation and predecessor of each step, which the string has the other way round."""
    return tuple(
        (_activation(activation), predecessor)
        for predecessor, activation in zip(pairs[::2], pairs[1::2], strict=True)
    )


def _activation(number: int) -> str:
    if number >= len(ACTIVATIONS):
        known = ", ".join(f"{index} {name}" for index, name in enumerate(ACTIVATIONS))
        raise CellError(f"{SOURCE}: no activation {number} (activations: {known})")
    return list(ACTIVATIONS)[number]
