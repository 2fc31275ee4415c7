"""When the loop over time is a persistent kernel, and what a program instance of it has; no tensors here."""

from __future__ import annotations

import os
from dataclasses import dataclass

from archsearch.compiler.program import Zone
from archsearch.compiler.program.kernels import Multiply
from archsearch.compiler.program.program import Program
from archsearch.compiler.stacked.triton_dialect import COLUMNS, TILE, power
from archsearch.errors import InputError

CHOICE, PERSISTENT = "ARCHSEARCH_STACKED", "persistent"
ROWS = 16
"""Sequences of a program instance where it multiplies: as few as tensor cores take."""

CHUNK = 8192
"""Numbers of a matrix that come from cache at a time."""

WIDEST, MOST = 512, 16
"""Columns that a program instance can have, and matrices that it can multiply with: more take half a minute to compile."""

SHARED = 227 * 1024
"""Bytes of shared memory that a program instance may have on an H100; elsewhere torch is asked."""


def asked_for() -> bool:
    """Return whether the environment asks for persistent kernels.

    Raises:
        InputError: It asks for something else.
    """
    said = os.environ.get(CHOICE, "")
    if said not in ("", PERSISTENT):
        raise InputError(f"{CHOICE} is {said!r}; it can only be {PERSISTENT!r}, or not be set")
    return said == PERSISTENT


def obstacle(program: Program, wide: int) -> str:
    """Return why the loop of a program cannot be one kernel at a padded width; empty if it can."""
    if not program.plan.carried:
        return "no state passes from step to step"
    if whole_rows(program) and wide > WIDEST:
        return f"it needs rows of {wide} numbers, and a program instance has {WIDEST} at most"
    if (count := _matrices(program)) > MOST:
        return f"it multiplies with {count} matrices at every step, and a kernel of more than {MOST} is long compiled"
    return ""


def whole_rows(program: Program) -> bool:
    """Whether a program instance must have all columns: for a product, or a mean of a row."""
    core = [*program.forward[Zone.CORE], *program.backward[Zone.CORE]]
    return any(isinstance(step, Multiply) or step.reduces for step in core)


def _matrices(program: Program) -> int:
    """Return how many matrices the loop multiplies with."""
    return sum(len(product.linears) for product in program.plan.products if product.place.zone == Zone.CORE)


def stays(program: Program, wide: int, shared: int = SHARED) -> bool:
    """Return whether the matrices of the loop stay on the multiprocessor over all steps.

    Args:
        program: What is computed.
        wide: The padded width.
        shared: Bytes of shared memory that there are.
    """
    side = _side(wide)
    exchanged = 2 * ROWS * side  # tiles that pass from thread to thread
    return 4 * (_matrices(program) * side**2 + exchanged) <= shared


def _side(wide: int) -> int:
    """Return the rows and columns of a matrix in registers."""
    return max(ROWS, power(wide))


@dataclass(frozen=True, slots=True)
class Tile:
    """What a program instance has.

    Attributes:
        rows: Sequences of its lane.
        columns: Units of its lane.
        warps: How many warps compute them.
        chunk: Rows of a matrix from cache that are multiplied with at a time.
    """

    rows: int
    columns: int
    warps: int
    chunk: int

    @property
    def constants(self) -> dict[str, int]:
        """What is compiled in, by the names that a printed loop has for it."""
        return {"ROWS": self.rows, "COLUMNS": self.columns, "CHUNK": self.chunk}

    def options(self, resident: bool) -> dict[str, int]:
        """Return what Triton is told: to load ahead, unless resident matrices need the memory that this takes."""
        return {"num_warps": self.warps, "num_stages": 1 if resident else 3}


def tile(program: Program, wide: int) -> Tile:
    """Return what a program instance has at a padded width."""
    if whole_rows(program):
        side = _side(wide)
        return Tile(ROWS, side, 8 if wide <= 128 else 16, chunk=max(16, min(side, CHUNK // side)))
    columns = min(COLUMNS, power(wide))
    return Tile(max(1, TILE // columns), columns, warps=4, chunk=16)
