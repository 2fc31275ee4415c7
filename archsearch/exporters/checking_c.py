"""Compiles exported C without a warning, and compares it with the layer in a process of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

from archsearch.cell import Cell
from archsearch.errors import ArchsearchError
from archsearch.exporters.c import c_name
from archsearch.exporters.checking import run_check
from archsearch.exporters.model import sizes_for
from archsearch.exporters.tidy import tidy

FLAGS = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O1", "-shared", "-fPIC")


class NotChecked(UserWarning):
    """An export could not be tried on this machine."""


def c_compiler() -> list[str] | None:
    """Return the command of the C compiler, `$CC` or `cc`; None where there is none."""
    command = shlex.split(os.environ.get("CC") or "cc")
    return command if command and shutil.which(command[0]) else None


def check_all_c(pairs: list[tuple[Cell, str]], weights: Path | None = None) -> None:
    """Compile files and compare what they compute with their cells, in one process; warns where there is no compiler.

    Args:
        pairs: Cells with their files.
        weights: The safetensors file of a layer whose weights the files hold; None for files without weights.

    Raises:
        ArchsearchError: One does not compile without a warning, or computes something else.
    """
    if c_compiler() is None:
        warnings.warn("the C was not checked: no C compiler cc or $CC is here", NotChecked, stacklevel=2)
        return
    with tempfile.TemporaryDirectory(prefix="archsearch-") as folder:
        build_libraries(folder, pairs, trained=weights is not None)
        trained = [str(weights)] if weights else []
        run_check(["archsearch.exporters.comparing_c", folder, str(len(pairs)), *trained], "the C")


def build_libraries(folder: str, pairs: list[tuple[Cell, str]], trained: bool) -> None:
    """Compile files into a folder, in float and in double, as `comparing_c` wants them.

    Args:
        folder: Where the libraries go.
        pairs: Cells with their files.
        trained: Whether the files hold weights, and so have one size.

    Raises:
        ArchsearchError: One does not compile without a warning.
    """
    compiler = c_compiler() or []
    for index, (cell, source) in enumerate(pairs):
        Path(folder, f"exported{index}.cell").write_text(tidy(cell).cell.text(), encoding="utf-8")
        path = Path(folder, f"exported{index}.c")
        path.write_text(source, encoding="utf-8")
        for kind, flag in (("float", []), ("double", [f"-D{c_name(cell).upper()}_DOUBLE"])):
            for place, sizes in enumerate((None,) if trained else sizes_for(cell)):
                chosen = [*flag, *_defines(c_name(cell), sizes)]
                target = f"{folder}/{index}-{kind}-{place}.so"
                compile_strictly(
                    [*compiler, *FLAGS, *chosen, str(path), "-o", target, "-lm"], f"the C of {cell.name} does"
                )


def _defines(name: str, sizes: tuple[int, int, int] | None) -> list[str]:
    words = ("INPUT_SIZE", "HIDDEN_SIZE", "LAYERS")
    return [f"-D{name.upper()}_{word}={size}" for word, size in zip(words, sizes or (), strict=False)]


def compile_strictly(command: list[str], what: str, folder: Path | None = None) -> None:
    """Run a compiler whose warnings are errors.

    Args:
        command: The compiler with its arguments.
        what: What is compiled, for people.
        folder: Where it runs.

    Raises:
        ArchsearchError: It does not compile.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
        raise ArchsearchError(f"{what} not compile: {reason}; nothing was written")
