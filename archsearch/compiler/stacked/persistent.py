"""The loop over time as one launch, if `ARCHSEARCH_STACKED=persistent` asks for it; see `persistent_source`.

Persistent kernels after Diamos et al. (2016), "Persistent RNNs". Sums are in another order than in products of torch, so
last bits differ, and the choice is part of the engine's identity. It was never measured on a GPU, so it is off otherwise.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from archsearch.compiler.program import Zone
from archsearch.compiler.program.kernels import Argument, Multiply
from archsearch.compiler.program.program import Program
from archsearch.compiler.source_function import made
from archsearch.compiler.stacked import triton_dialect
from archsearch.compiler.stacked.arrays import Arrays
from archsearch.compiler.stacked.lanes import Weights, Widths
from archsearch.compiler.stacked.persistent_source import NAME, LoopKind, PrintedLoop, printed_loop
from archsearch.compiler.stacked.precision import dot_precision
from archsearch.compiler.stacked.triton_dialect import COLUMNS, TILE, power
from archsearch.errors import InputError

CHOICE, PERSISTENT = "ARCHSEARCH_STACKED", "persistent"
FUNCTIONS = "archsearch.compiler.stacked.persistent_functions"
ROWS = 16
"""Sequences of a program instance where it multiplies: as few as tensor cores take."""

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


def shared_memory(device: torch.device) -> int:
    """Return the bytes of shared memory that a program instance may have."""
    if device.type != "cuda":
        return SHARED
    card = torch.cuda.get_device_properties(device)
    return int(card.shared_memory_per_block_optin)  # type: ignore[attr-defined]


def _side(wide: int) -> int:
    return max(ROWS, power(wide))


@lru_cache(256)
def compiled(program: Program, kind: LoopKind) -> tuple[PrintedLoop, Any]:
    """Return a loop with what Triton made of it."""
    printed = printed_loop(program, kind)
    space = {**triton_dialect.functions(), **triton_dialect.functions(FUNCTIONS)}
    return printed, space["triton"].jit(made(NAME, printed.text, space))


class PersistentLoop:
    """The loop over time of a layer, forward and backward, a launch each.

    Args:
        program: What is computed; it has no `obstacle`.
        arrays: The layer's memory.
        widths: The lanes' own widths.

    Attributes:
        program: As given.
        arrays: As given.
        widths: As given.
    """

    def __init__(self, program: Program, arrays: Arrays, widths: Widths) -> None:
        self.program, self.arrays, self.widths = program, arrays, widths

    def run(self, weights: Weights, reset: Tensor | None, back: bool) -> None:
        """Run the core of all steps.

        Args:
            weights: The parameters.
            reset: Where states are zeroed before a step, bool [T, B], or None.
            back: Whether it is the adjoint.
        """
        lanes, steps, batch, wide = self.arrays.shape
        if reset is not None and self.program.carries_output and not back:
            self.arrays.make(["Y"])
        printed, jitted = compiled(self.program, LoopKind(back, self.stays, reset is not None))
        tile = self.tile
        triton_dialect.launch(
            jitted,
            (-(-batch // tile["ROWS"]), -(-wide // tile["COLUMNS"]), lanes),
            self.widths.width,
            *([] if reset is None else [reset.contiguous().view(torch.uint8)]),
            *(part for argument in printed.arguments for part in self.place(argument)),
            *(part for number in printed.products for part in _place(weights.products[number])),
            batch,
            wide,
            steps,
            PRECISION=dot_precision(self.widths.width.device),
            num_stages=1,
            **tile,
        )

    @property
    def stays(self) -> bool:
        """Whether matrices are loaded once."""
        return stays(self.program, self.arrays.shape[3], shared_memory(self.widths.width.device))

    @property
    def tile(self) -> dict[str, int]:
        """The rows and columns of a program instance, and how many warps it is."""
        wide = self.arrays.shape[3]
        if not whole_rows(self.program):
            columns = min(COLUMNS, power(wide))
            return {"ROWS": max(1, TILE // columns), "COLUMNS": columns, "num_warps": 4}
        return {"ROWS": ROWS, "COLUMNS": _side(wide), "num_warps": 8 if wide <= 128 else 16}

    def place(self, argument: Argument) -> tuple[Tensor, int, int, int]:
        """Return the array of an argument, e.g. [R, T, B, H], and how far it is to the next lane, step and row."""
        array = self.arrays[argument.array]
        if argument.when == "lane":
            return array, array.stride(0), 0, 0
        if argument.when == "step":
            return array, array.stride(0), 0, array.stride(1)
        return array, array.stride(0), array.stride(1), array.stride(2)


def _place(weights: Tensor) -> tuple[Tensor, int, int]:
    return weights, weights.stride(0), weights.stride(1)
