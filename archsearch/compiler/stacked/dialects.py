"""Which dialect kernels are compiled in."""

from __future__ import annotations

from torch import Tensor

from archsearch.compiler.stacked import elementwise
from archsearch.compiler.stacked.layer import Dialect


def dialect_for(like: Tensor) -> Dialect:
    """Return the dialect for tensors of this type on this device."""
    return elementwise.compiled
