"""Compiles generated C++ once per host, keeps the libraries by content, and loads them.

A library is executed code. It lies under the SHA-256 of source, flags, compiler and target, and is called after the SHA-256
of its own bytes, so what is cut or altered is never loaded but built again. Every folder on the way and the file itself are
opened once and have to be the user's alone; what was looked at is what is loaded, whatever the path names by then.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import weakref
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from archsearch.cache_folder import NoCache, cache_folder
from archsearch.cell.ops import LEAKY_SLOPE, NORM_EPSILON
from archsearch.compiler.native.eviction import EVERY, evict, limit, mark_used
from archsearch.compiler.native.toolchain import Toolchain, failure, run_compiler, toolchain
from archsearch.errors import BuildError
from archsearch.files import NotOurs, make_private, open_folder, read_ours, temporary_file

CONSTANTS = (f"-DLEAKY_SLOPE={LEAKY_SLOPE}", f"-DNORM_EPSILON={NORM_EPSILON}")
FLAGS = ("-std=gnu++17", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
"""Never -ffast-math: it hides infinities and breaks sigmoid at -100."""

THOROUGH = ("-O3",)
"""How what is built once per host is optimised."""

BRIEF = ("-O1", "-fexpensive-optimizations", "-nostdlib", "-Wl,--no-as-needed,-lm")
"""How a cell's functions are: built in half the time of -O3 and as fast, for their loops are over vectors as they stand. The
second word lets a product and a sum be one instruction, which -O1 alone does not. Of libraries they need that of mathematics
alone, which brings the one of C; looking through all that C++ is linked with takes a tenth of the time."""

LAYOUT = 7
"""Part of every library's key; it rises when the arguments of generated functions change."""

SECONDS = 120
"""How long a compiler may take."""

HERE = Path(__file__).parent


def folder() -> Path:
    """Return the folder of compiled libraries.

    Raises:
        BuildError: There is none, it belongs to somebody else, or others can write to it.
    """
    with _build_errors():
        path = cache_folder() / "kernels"
        make_private(path)
        with open_folder(path.parent, path.name):
            return path


@contextlib.contextmanager
def _build_errors() -> Iterator[None]:
    """Turn what files and folders refuse into an error of building."""
    try:
        yield
    except NotOurs as error:
        raise BuildError(f"{error}; what lies there is executed") from None
    except OSError as error:
        raise BuildError(f"{error.filename}: {error.strerror}") from None
    except NoCache as error:
        raise BuildError(str(error)) from None


def library(text: str, double: bool, effort: tuple[str, ...] = THOROUGH) -> ctypes.CDLL:
    """Return the compiled and loaded library of a source, in memory as long as somebody holds it or a function of it.

    Args:
        text: C++ that includes headers of this folder.
        double: Whether its numbers are float64, else float32.
        effort: How it is optimised, `THOROUGH` or `BRIEF`.

    Raises:
        BuildError: There is no compiler, or it failed; the message is its last lines.
    """
    tools = toolchain()
    flags = [*effort, *FLAGS, *CONSTANTS, f"-march={tools.march}", *(["-DDOUBLE"] if double else [])]
    words = [str(LAYOUT), text, _headers(), *flags, tools.name, tools.target]
    place = folder() / hashlib.sha256("\0".join(words).encode()).hexdigest()
    loaded = _first(place)
    if loaded is None:
        _compile(tools, flags, text, place)
        loaded = _first(place)
    if loaded is None:
        raise BuildError(f"{place}: the library that {tools.name} built cannot be loaded")
    if next(_made) % EVERY == 0:
        evict(place.parent, limit())
    return loaded


_made = count()
"""Counts the libraries that this process has made."""


def _first(place: Path) -> ctypes.CDLL | None:
    """Return the first library of a place that can be loaded, if there is one."""
    kernels, key = place.parent.name, place.name
    with (
        _build_errors(),
        contextlib.suppress(FileNotFoundError),
        open_folder(place.parent.parent, kernels, key) as opened,
    ):
        for path in _entries(place, opened):
            if (loaded := _loaded(path)) is not None:
                mark_used(path)
                return loaded
    return None


@cache
def _headers() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.h")))


def _entries(place: Path, opened: int) -> Iterator[Path]:
    """Yield the libraries that are the user's and what their names say; remove the others.

    Args:
        place: The folder.
        opened: A descriptor of it.
    """
    for name in sorted(os.listdir(opened)):
        if not name.endswith(".so") or name.startswith("."):
            continue  # being built
        try:
            sound = f"{hashlib.sha256(read_ours(name, opened)).hexdigest()}.so" == name
        except FileNotFoundError:
            continue  # another process has just removed it
        except OSError:
            sound = False
        if sound:
            yield _through(opened, place) / name
        else:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=opened)


def _through(opened: int, place: Path) -> Path:
    """Return a path through the descriptor of a folder that is the user's alone: nobody else can put another in its place.

    It ends with the library's hash, as the loader takes two libraries of one path for one.
    """
    here = Path(f"/proc/self/fd/{opened}")
    return here if here.exists() else place


def _loaded(path: Path) -> ctypes.CDLL | None:
    """Return a loaded library; None if it is no library of this system."""
    try:
        return unloaded_when_unused(ctypes.CDLL(str(path)))
    except OSError:
        return None


def unloaded_when_unused(loaded: ctypes.CDLL) -> ctypes.CDLL:
    """Return a library that leaves memory when nobody holds it, nor a function of it, any more.

    A process has room for some 65,000 mappings, and a library takes five.
    """
    unload = weakref.finalize(loaded, _dlclose, loaded._handle)
    unload.atexit = False  # a thread may still run in it
    return loaded


def function(library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    """Return a function of a library that holds the library as long as it is held.

    One that ctypes makes itself holds itself too, so it would keep the library until Python collects cycles.

    Args:
        library: The library.
        name: The function's name in it.
        result: The type of what it returns, of ctypes; None for nothing.
        arguments: The types of its arguments.
    """
    made = ctypes.CFUNCTYPE(result, *arguments)(ctypes.addressof(ctypes.c_char.in_dll(library, name)))
    made.library = library  # type: ignore[attr-defined]
    return made


_dlclose = ctypes.CDLL(None).dlclose
_dlclose.argtypes = [ctypes.c_void_p]


def _compile(tools: Toolchain, flags: list[str], text: str, place: Path) -> None:
    """Compile a source. Several processes may do so at once: each writes its own, and none half."""
    with _build_errors():
        make_private(place)
    mark_used(place)
    with temporary_file(place, ".so") as temporary:
        arguments = [*tools.command, *flags, f"-I{HERE}", "-x", "c++", "-", "-o", str(temporary)]
        status, _, trouble = run_compiler(arguments, text, SECONDS)
        if status or not temporary.exists():
            raise failure(tools.name, status, trouble)
        with _build_errors():
            temporary.chmod(0o700)
            os.replace(temporary, place / f"{hashlib.sha256(temporary.read_bytes()).hexdigest()}.so")
