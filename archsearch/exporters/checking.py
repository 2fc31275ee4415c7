"""Checks exported Python in a process of its own, before anyone sees it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from archsearch.cell import Cell
from archsearch.errors import ArchsearchError
from archsearch.exporters.tidy import tidy

PACKAGES = Path(__file__).resolve().parent.parent.parent
SECONDS = 300
IMPORTS = {"torch", "torch.nn.functional", "torch.nn.utils.rnn", "typing", "__future__"}


def check_python(cell: Cell, source: str) -> None:
    """Execute an exported module and compare it with the compiled cell, weights copied.

    Raises:
        ArchsearchError: It imports anything but torch, fails its self-check, or computes something else.
    """
    check_all([(cell, source)])


def check_all(pairs: list[tuple[Cell, str]]) -> None:
    """Check several exported modules in one process; raises as `check_python` does."""
    for cell, source in pairs:
        if foreign := sorted(imported(source) - IMPORTS):
            raise ArchsearchError(
                f"the export of {cell.name} imports {', '.join(foreign)}; nothing was written"
            )
    with tempfile.TemporaryDirectory(prefix="archsearch-") as folder:
        for index, (cell, source) in enumerate(pairs):
            Path(folder, f"exported{index}.py").write_text(source, encoding="utf-8")
            Path(folder, f"exported{index}.cell").write_text(tidy(cell).cell.text(), encoding="utf-8")
        _run(folder, len(pairs))


def imported(source: str) -> set[str]:
    """Return the modules that a source imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


def _run(folder: str, count: int) -> None:
    paths = [str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "OMP_NUM_THREADS": "1",
        "PYTHONSAFEPATH": "1",
    }
    command = [sys.executable, "-m", "archsearch.exporters.comparing", folder, str(count)]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ArchsearchError(
            f"the export did not end its check within {SECONDS} s; nothing was written"
        ) from None
    if done.returncode:
        reason = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise ArchsearchError(f"the export failed its check: {reason}; nothing was written")
