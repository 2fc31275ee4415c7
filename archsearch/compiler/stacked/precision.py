"""How exactly the products of a stack are computed: the one place that decides it."""

from __future__ import annotations

import torch

CUDA, CPU = "tf32", "float32"


def choose_precision(device: torch.device) -> None:
    """Let products of float32 run in TF32 on CUDA, where all else, and the weights, stay float32."""
    if device.type == "cuda":
        torch.backends.cuda.matmul.fp32_precision = CUDA


def precision_name(kind: str) -> str:
    """Return what a kind of device computes products in."""
    return CUDA if kind == "cuda" else CPU


def dot_precision(device: torch.device) -> str:
    """Return how Triton is told to compute products, so that it does as torch would on the device."""
    rounds = device.type == "cuda" and torch.backends.cuda.matmul.fp32_precision == CUDA
    return CUDA if rounds else "ieee"
