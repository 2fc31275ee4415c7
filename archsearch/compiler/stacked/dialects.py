"""Which dialect kernels are compiled in, and what else decides the bits of a stack."""

from __future__ import annotations

import torch
from torch import Tensor

from archsearch.compiler.stacked import elementwise, precision, shape
from archsearch.compiler.stacked.layer import Dialect


def dialect_for(like: Tensor) -> Dialect:
    """Return the dialect for tensors of this type on this device."""
    return elementwise.compiled


def described(device: torch.device) -> str:
    """Return precision, dialect and the version of the table of shapes, e.g. `tf32, triton 3.9.0, lanes 1`."""
    return f"{precision.name(device.type)}, torch, lanes {shape.VERSION}"
