"""Recurrent genotypes of DARTS: `Genotype(recurrent=[('sigmoid', 0), ('relu', 1)], concat=range(1, 3))`.

Liu, Simonyan and Yang 2019, "DARTS: Differentiable Architecture Search" (arXiv 1806.09055), and the genotypes of its public
code: a pair for each step, its activation and the step that it reads, and the steps whose mean is the next h. Step 0 reads
x and h through a tanh.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from archsearch.cell import Cell
from archsearch.errors import CellError
from archsearch.genotypes.highway import Highway, highway_cell
from archsearch.genotypes.literals import Value, read_call

SOURCE = "DARTS genotype"
FORM = re.compile(r"\s*(?:\w+\s*=\s*)?(?=Genotype\b)", re.ASCII)
"""How a genotype begins, also where its name is copied with it."""

FIELDS = ("recurrent", "concat")

GENOTYPES = {
    "DARTS_V1": "Genotype(recurrent=[('relu', 0), ('relu', 1), ('tanh', 2), ('relu', 3), ('relu', 4), "
    "('identity', 1), ('relu', 5), ('relu', 1)], concat=range(1, 9))",
    "DARTS_V2": "Genotype(recurrent=[('sigmoid', 0), ('relu', 1), ('relu', 1), ('identity', 1), ('tanh', 2), "
    "('sigmoid', 5), ('tanh', 3), ('relu', 5)], concat=range(1, 9))",
}
"""The cells that the paper's search found on Penn Treebank, first and second order."""


def read_darts(text: str) -> Cell:
    """Return the cell of a recurrent genotype.

    Raises:
        CellError: It is none.
    """
    given = read_call(FORM.sub("", text, count=1), "Genotype", SOURCE)
    if sorted(given) != sorted(FIELDS):
        raise CellError(
            f"{SOURCE}: it has {', '.join(given) or 'nothing'}; that of a recurrent cell has recurrent and concat"
        )
    highway = Highway(_steps(given), _ends(given))
    return highway_cell(highway, SOURCE, f"A cell of DARTS, Liu et al. 2019 (arXiv 1806.09055): {highway}.")


def _steps(given: Mapping[str, Value]) -> tuple[tuple[str, int], ...]:
    """Return activation and predecessor of each step."""
    found = []
    for number, pair in enumerate(_listed(given, "recurrent"), 1):
        match pair:
            case (str(activation), int(predecessor)):
                found.append((activation, predecessor))
            case _:
                raise CellError(
                    f"{SOURCE}: step {number} is no pair of activation and predecessor, such as ('tanh', 0)"
                )
    return tuple(found)


def _ends(given: Mapping[str, Value]) -> tuple[int, ...]:
    ends = [end for end in _listed(given, "concat") if isinstance(end, int)]
    if len(ends) != len(_listed(given, "concat")):
        raise CellError(f"{SOURCE}: concat holds numbers of steps, such as range(1, 9)")
    return tuple(ends)


def _listed(given: Mapping[str, Value], field: str) -> tuple[Value, ...]:
    value = given[field]
    if not isinstance(value, tuple):
        raise CellError(f"{SOURCE}: {field} is no list")
    return value
