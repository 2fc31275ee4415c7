"""What makes an exported Python module fast: the engine's C++ for its cell in one file, and how the module finds it.

The C++ is that of `compiler.native`, with its headers and its matrix product, so it needs nothing but a compiler. A module
that finds no library built from its own file beside it runs in plain torch.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from archsearch import __version__
from archsearch.cell import Cell
from archsearch.cell.ops import LEAKY_SLOPE, NORM_EPSILON
from archsearch.compiler.native.build import FLAGS, HERE, THOROUGH
from archsearch.compiler.native.call import NUMBERS, POINTERS
from archsearch.compiler.native.source import source
from archsearch.compiler.parameters import bias_name, parameter_names, weight_name
from archsearch.exporters.module_names import exported_names
from archsearch.exporters.python import to_python
from archsearch.exporters.scores import Scores
from archsearch.exporters.tidy import Tidy, tidy
from archsearch.words import escaped

FRAMES = Path(__file__).parent
HEADERS = ("kernels.h", "transpose.h", "panels.h", "gemm.cpp", "layer.h")
"""What generated code is built on, in the order in which it is included."""

BUILD = " ".join(["c++", *THOROUGH, "-march=native", *FLAGS])
"""With the flags of the engine, optimised as what is built once."""

COMPILED = """if not torch.jit.is_scripting():
            compiled = through_kernels(self, steps, state, backwards)
            if compiled is not None:
                return compiled"""


def beside(path: Path, suffix: str) -> Path:
    """Return where kernels of a module lie. Not under its own name: Python would import `cell.so` in place of `cell.py`."""
    return path.with_name(f"{path.stem}_kernels{suffix}")


def build_line(path: Path) -> str:
    """Return the command that builds the kernels of a module; $CXX is another compiler."""
    return f"{BUILD} {beside(path, '.cpp').name} -o {beside(path, '.so').name}"


def to_kernels(cell: Cell) -> str:
    """Return the C++ of a cell: whole sequences of one layer, forward and backward, in float32."""
    return _frame(cell).replace("<SOURCE>", _digest(cell))


def with_kernels(cell: Cell, scores: Scores | None = None) -> str:
    """Return the source of an exported module that uses kernels where they are built.

    Args:
        cell: The cell.
        scores: What a run found out about it.
    """
    return to_python(cell, scores, _fields(cell))


def _fields(cell: Cell) -> dict[str, str]:
    """Return what stands in the places of `module.py.txt` that are for kernels."""
    shown = tidy(cell)
    fields = {
        "SOURCE": _digest(cell),
        "WEIGHTS": repr(_weights(shown)),
        "POINTERS": " ".join(POINTERS),
        "NUMBERS": " ".join(NUMBERS),
        "ORDER": repr(shown.cell.state_order),
        "WIDE": "None",
    }
    if shown.cell.needs_projection:
        fields["WIDE"] = "x if layer.P is None else torch.nn.functional.linear(x, layer.P)"
    text = FRAMES.joinpath("kernels.py.txt").read_text(encoding="utf-8")
    for name, value in fields.items():
        text = text.replace(f"<{name}>", value)
    return {
        "IMPORTS": "import ctypes\nfrom pathlib import Path",
        "KERNELS": text.rstrip(),
        "COMPILED": COMPILED,
    }


def _weights(shown: Tidy) -> tuple[str, ...]:
    """Return the names of the module's parameters in the order in which the kernels take them."""
    canonical = {handle: place for place, handle in shown.origin.items()}
    names: dict[str, str] = {}
    for handle, own in exported_names(shown).items():
        if own.owns:
            names[weight_name(canonical[handle])] = own.weight
        if own.bias is not None:
            names[bias_name(canonical[handle])] = own.bias
    return tuple(names[name] for name in parameter_names(shown.cell.canonical()))


def _digest(cell: Cell) -> str:
    """Return what tells the C++ of a cell from any other."""
    return hashlib.sha256(_frame(cell).encode()).hexdigest()[:32]


@lru_cache(1)  # it is asked for three times an export
def _frame(cell: Cell) -> str:
    """Return the C++, but for the mark that stands for its digest."""
    shown = tidy(cell).cell
    parts = [HERE.joinpath(name).read_text(encoding="utf-8") for name in HEADERS]
    lines = "\n".join([*parts, source(shown.canonical())]).splitlines()
    fields = {
        "DOC": "\n".join(f"// {line}".rstrip().rstrip("\\") for line in _documentation(shown)),
        "LEAKY_SLOPE": repr(LEAKY_SLOPE),
        "NORM_EPSILON": repr(NORM_EPSILON),
        "ENGINE": "\n".join(
            line.rstrip() for line in lines if not line.startswith(('#include "', "#pragma once"))
        ),
    }
    text = FRAMES.joinpath("kernels.cpp.txt").read_text(encoding="utf-8")
    for name, value in fields.items():
        text = text.replace(f"<{name}>", value)
    return text


def _documentation(shown: Cell) -> list[str]:
    return [
        f"The recurrent cell {shown.name} in C++: whole sequences of one layer, forward and backward, float32.",
        "",
        *(escaped(line) for line in shown.text().splitlines()[len(shown.note) :]),
        "",
        f"For the Python module {shown.id} beside it, which loads what this builds:",
        "",
        f"    {build_line(Path('cell.py'))}",
        "",
        f"Written by archsearch {__version__}.",
    ]
