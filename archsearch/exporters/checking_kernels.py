"""Builds the kernels of an exported module without a warning, and compares the module that uses them with its cell."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
import warnings
from pathlib import Path

from archsearch.cell import Cell
from archsearch.exporters.checking import IMPORTS, check_imports, run_check
from archsearch.exporters.checking_c import NotChecked, compile_strictly
from archsearch.exporters.kernels import beside, build_line, to_kernels
from archsearch.exporters.tidy import tidy

FLAGS = ("-Wall", "-Wextra", "-Werror")


def check_kernels(cell: Cell, source: str) -> None:
    """Compare a module that uses compiled kernels with its cell; in plain torch, with a warning, where no compiler is.

    Args:
        cell: The cell.
        source: The module.

    Raises:
        ArchsearchError: The C++ does not compile without a warning, or the module computes something else.
    """
    check_imports(cell, source, IMPORTS | {"ctypes", "pathlib"})
    with tempfile.TemporaryDirectory(prefix="archsearch-") as folder:
        module = Path(folder, "exported0.py")
        module.write_text(source, encoding="utf-8")
        module.with_suffix(".cell").write_text(tidy(cell).cell.text(), encoding="utf-8")
        beside(module, ".cpp").write_text(to_kernels(cell), encoding="utf-8")
        built = build_kernels(module)
        if not built:
            warnings.warn(
                "the kernels were not checked: no C++ compiler c++ or $CXX is here", NotChecked, stacklevel=2
            )
        run_check(["archsearch.exporters.comparing", folder, "1"], "the export")


def build_kernels(module: Path) -> bool:
    """Build the kernels beside a module as its own line says, and return whether there was a compiler.

    Raises:
        ArchsearchError: They do not compile without a warning.
    """
    command = shlex.split(build_line(module))
    compiler = shlex.split(os.environ.get("CXX") or command[0])
    if not compiler or shutil.which(compiler[0]) is None:
        return False
    compile_strictly([*compiler, *FLAGS, *command[1:]], f"the kernels of {module.stem} do", module.parent)
    return True
