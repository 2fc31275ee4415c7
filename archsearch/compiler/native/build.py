"""Compiles generated C++ once per host, keeps the libraries by content, and loads them.

A library is executed code. Its folder is the user's alone; it lies under the SHA-256 of source, flags, compiler and target,
and is called after the SHA-256 of its own bytes, so what is cut or altered is never loaded but built again.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from archsearch.cell.ops import LEAKY_SLOPE, NORM_EPSILON
from archsearch.compiler.native.toolchain import Toolchain, failure, run_compiler, toolchain
from archsearch.errors import BuildError
from archsearch.files import is_ours, make_private, temporary_file
from archsearch.resources import cache_folder

CONSTANTS = (f"-DLEAKY_SLOPE={LEAKY_SLOPE}", f"-DNORM_EPSILON={NORM_EPSILON}")
FLAGS = ("-O3", "-std=gnu++17", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC", *CONSTANTS)
"""Never -ffast-math: it hides infinities and breaks sigmoid at -100."""

LAYOUT = 5
"""Part of every library's key; it rises when the arguments of generated functions change."""

SECONDS = 120
"""How long a compiler may take."""

HERE = Path(__file__).parent


def folder() -> Path:
    """Return the folder of compiled libraries, the user's alone.

    Raises:
        BuildError: It cannot be made, belongs to somebody else, or others can write to it.
    """
    path = cache_folder() / "kernels"
    try:
        make_private(path)
    except OSError as error:
        raise BuildError(f"{path}: {error.strerror}") from None
    if not is_ours(path):
        raise BuildError(
            f"{path}: others may write here, and what lies here is executed; make it yours alone (chmod 700)"
        )
    return path


def library(text: str, double: bool) -> ctypes.CDLL:
    """Return the compiled and loaded library of a source.

    Args:
        text: C++ that includes headers of this folder.
        double: Whether its numbers are float64, else float32.

    Raises:
        BuildError: There is no compiler, or it failed; the message is its last lines.
    """
    tools = toolchain()
    flags = [*FLAGS, f"-march={tools.march}", *(["-DDOUBLE"] if double else [])]
    words = [str(LAYOUT), text, _headers(), *flags, tools.name, tools.target]
    place = folder() / hashlib.sha256("\0".join(words).encode()).hexdigest()
    for path in _entries(place):
        if (loaded := _loaded(path)) is not None:
            return loaded
    loaded = _loaded(_compile(tools, flags, text, place))
    if loaded is None:
        raise BuildError(f"{place}: the library that {tools.name} built cannot be loaded")
    return loaded


@cache
def _headers() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.h")))


def _entries(place: Path) -> Iterator[Path]:
    """Yield the libraries that are what their names say; remove the others."""
    for path in sorted(place.glob("*.so")):
        try:
            sound = hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
        except OSError:
            continue  # another process has just removed it
        if sound:
            yield path
        elif not path.name.startswith("."):
            path.unlink(missing_ok=True)


def _loaded(path: Path) -> ctypes.CDLL | None:
    """Return a loaded library, never to be unloaded; None if it is no library of this system."""
    try:
        return ctypes.CDLL(str(path))
    except OSError:
        return None


def _compile(tools: Toolchain, flags: list[str], text: str, place: Path) -> Path:
    """Compile a source; return its library. Several processes may do so at once: each writes its own, and none half."""
    place.mkdir(exist_ok=True, mode=0o700)
    with temporary_file(place, ".so") as temporary:
        arguments = [*tools.command, *flags, f"-I{HERE}", "-x", "c++", "-", "-o", str(temporary)]
        status, _, trouble = run_compiler(arguments, text, SECONDS)
        if status or not temporary.exists():
            raise failure(tools.name, status, trouble)
        path = place / f"{hashlib.sha256(temporary.read_bytes()).hexdigest()}.so"
        os.replace(temporary, path)
        return path
