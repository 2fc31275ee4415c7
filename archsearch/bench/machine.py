"""What a measurement was made on."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from archsearch import __version__
from archsearch.compiler.native.toolchain import toolchain
from archsearch.errors import BuildError


def machine() -> dict[str, str]:
    """Return processor, compiler, instruction set and versions, in words."""
    try:
        tools = toolchain()
        built = {"compiler": tools.name, "instructions": tools.instructions}
    except BuildError:
        built = {"compiler": "none", "instructions": "none"}
    return {
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        **built,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "archsearch": __version__,
    }


def _processor() -> str:
    """Return the processor's name as the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown")
