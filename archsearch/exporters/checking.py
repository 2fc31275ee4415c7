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
    """Execute an exported module and compare it with the cell, weights copied.

    Raises:
        ArchsearchError: It imports anything but torch, fails its self-check, or computes something else.
    """
    check_all([(cell, source)])


def check_pararnn(cell: Cell, source: str) -> None:
    """Execute a module for pararnn and compare it with the cell, by that package too where it is installed.

    Raises:
        ArchsearchError: As for `check_python`.
    """
    check_all([(cell, source)], "archsearch.exporters.comparing_pararnn")


def check_all(pairs: list[tuple[Cell, str]], by: str = "archsearch.exporters.comparing") -> None:
    """Check several exported modules in one process; raises as `check_python` does.

    Args:
        pairs: Cells with their modules.
        by: Which of our modules compares them.
    """
    for cell, source in pairs:
        check_imports(cell, source, IMPORTS)
    with tempfile.TemporaryDirectory(prefix="archsearch-") as folder:
        for index, (cell, source) in enumerate(pairs):
            Path(folder, f"exported{index}.py").write_text(source, encoding="utf-8")
            Path(folder, f"exported{index}.cell").write_text(tidy(cell).cell.text(), encoding="utf-8")
        run_check([by, folder, str(len(pairs))], "the export")


def check_imports(cell: Cell, source: str, allowed: set[str]) -> None:
    """Refuse the export of a cell that imports anything but the modules that are allowed.

    Args:
        cell: The cell.
        source: Its export.
        allowed: Names of modules.

    Raises:
        ArchsearchError: It does.
    """
    if foreign := sorted(imported(source) - allowed):
        raise ArchsearchError(f"the export of {cell.name} imports {', '.join(foreign)}; nothing was written")


def imported(source: str) -> set[str]:
    """Return the modules that a source imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


def run_check(arguments: list[str], what: str) -> None:
    """Run a module that compares an export with its cell; `what` is checked, otherwise as `run_module`."""
    run_module(arguments, what, "its check")


def run_module(arguments: list[str], what: str, part: str = "") -> None:
    """Run one of our modules in a process of its own.

    Args:
        arguments: The module and what it takes, as after `python -m`.
        what: What is done or checked, for people.
        part: Which part of it, for people.

    Raises:
        ArchsearchError: It failed, and its last line says why, or it did not end.
    """
    paths = [str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    extra = {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", *arguments]
    try:
        done = subprocess.run(
            command, env={**os.environ, **extra}, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ArchsearchError(
            f"{' '.join([what, 'did not end', part]).strip()} within {SECONDS} s; nothing was written"
        ) from None
    if done.returncode:
        reason = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise ArchsearchError(f"{' '.join([what, 'failed', part]).strip()}: {reason}; nothing was written")
