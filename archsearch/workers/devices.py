"""Which CUDA devices there are, found out without loading torch where there can be none."""

from __future__ import annotations

import ctypes
import importlib
import sys

DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


def cuda_devices() -> list[str]:
    """Return the names of the CUDA devices that torch can use here."""
    try:
        ctypes.CDLL(DRIVER)
    except OSError:
        return []
    torch = importlib.import_module("torch")
    return (
        [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
