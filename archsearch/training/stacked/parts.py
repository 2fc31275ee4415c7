"""What a training step has beside its layers, in each dialect: plain torch, or as few kernels as can be."""

from __future__ import annotations

from dataclasses import dataclass

from archsearch.compiler.stacked import triton_dialect
from archsearch.compiler.stacked.layer import Dialect
from archsearch.training.stacked.fused_optimiser import FusedOptimiser
from archsearch.training.stacked.optimiser import StackOptimiser


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a step in a dialect.

    Attributes:
        optimiser: Clips gradients and moves the weights.
    """

    optimiser: type[StackOptimiser]


IN_TORCH = Parts(StackOptimiser)
IN_TRITON = Parts(FusedOptimiser)


def parts_of(dialect: Dialect) -> Parts:
    """Return the parts that belong to a dialect."""
    return IN_TRITON if dialect is triton_dialect.compile_kernel else IN_TORCH
