"""What a measurement was made on."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from archsearch import __version__
from archsearch.compiler.native.toolchain import toolchain
from archsearch.errors import BuildError

CPUINFO = Path("/proc/cpuinfo")


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
    """Return the processor's name as the system tells it, with family and model where it has no number of its own."""
    lines = CPUINFO.read_text(encoding="utf-8").splitlines() if CPUINFO.exists() else []
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}
    name = told.get("model name") or platform.processor() or "unknown"
    if any(character.isdigit() for character in name) or "cpu family" not in told:
        return name
    return f"{name} (family {told['cpu family']}, model {told.get('model', '?')})"
