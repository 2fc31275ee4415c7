"""Builds for other processors than this one."""

import pytest

from archsearch.compiler.native.toolchain import NEEDED, toolchain

LEVELS = list(NEEDED)
OTHERS = ["x86-64-v3", "x86-64"]


def use(march: str, patch: pytest.MonkeyPatch) -> None:
    """Build for `march` from now on; skip the test where this machine cannot run that."""
    patch.delenv("ARCHSEARCH_MARCH", raising=False)
    ours = toolchain().march
    if ours not in LEVELS or LEVELS.index(march) < LEVELS.index(ours):
        pytest.skip(f"this processor does not run {march}")
    patch.setenv("ARCHSEARCH_MARCH", march)
