"""Imported by tests that run Triton's kernels in its interpreter, which needs no GPU; skips them where that cannot be."""

import os
import sys

import pytest

if "triton" not in sys.modules:
    os.environ.setdefault("TRITON_INTERPRET", "1")
pytest.importorskip("triton", reason="needs triton, which runs without a GPU too: pip install triton")
if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("triton was imported without its interpreter", allow_module_level=True)

QUIET = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
"""The interpreter computes in numpy, which warns of what is not finite."""
