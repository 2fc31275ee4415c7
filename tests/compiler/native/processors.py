"""Builds for other processors than this one."""

from pathlib import Path

import pytest

from archsearch.compiler import ENGINES
from archsearch.compiler.native.build import HERE
from archsearch.compiler.native.toolchain import NEEDED, toolchain

LEVELS = list(NEEDED)
OTHERS = ["x86-64-v3", "x86-64"]

needs_bf16 = pytest.mark.skipif(
    not ENGINES["native-bf16"].works(), reason="the processor does not multiply bfloat16"
)


def use(march: str, patch: pytest.MonkeyPatch) -> None:
    """Build for `march` from now on; skip the test where this machine cannot run that."""
    patch.delenv("ARCHSEARCH_MARCH", raising=False)
    ours = toolchain().march
    if ours not in LEVELS or LEVELS.index(march) < LEVELS.index(ours):
        pytest.skip(f"this processor does not run {march}")
    patch.setenv("ARCHSEARCH_MARCH", march)


def emulated_tiles() -> str:
    """Return the product on tiles with tiles made of plain C++, for processors that have none."""
    tiles = Path(__file__).with_name("emulated_tiles.h").read_text(encoding="utf-8")
    return (HERE / "gemm_tiles.cpp").read_text(encoding="utf-8").replace('#include "tiles.h"', tiles)
