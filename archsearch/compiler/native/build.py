"""Compiles generated C++ once per host, keeps the libraries by content, and loads them.

A library is executed code: its folder is the user's alone, its name is the SHA-256 of source, flags, compiler and target, and
an entry that cannot be loaded is built again.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import secrets
import shutil
import subprocess
from functools import cache
from pathlib import Path

from archsearch.errors import ArchsearchError
from archsearch.resources import cache_folder

FLAGS = ("-O3", "-march=native", "-std=gnu++17", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
"""Never -ffast-math: it hides infinities and breaks sigmoid at -100."""

LAYOUT = 2
"""Part of every library's name; it rises when the arguments of generated functions change."""

SECONDS = 120
HERE = Path(__file__).parent


class BuildError(ArchsearchError):
    """The compiler could not build a cell."""


@cache
def compiler() -> tuple[str, str] | None:
    """Return the C++ compiler's path and version, `$CXX` or `c++`; None if there is none that works."""
    path = shutil.which(os.environ.get("CXX") or "c++")
    if path is None:
        return None
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return path, said.splitlines()[0] if said else path


@cache
def target() -> str:
    """Return what `-march=native` means here, so that a library of another machine is never loaded."""
    found = compiler()
    assert found is not None
    said = subprocess.run(
        [found[0], "-march=native", "-dM", "-E", "-x", "c++", "/dev/null"], capture_output=True, text=True, timeout=20, check=False
    ).stdout
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def instruction_set() -> str:
    """Return the widest vectors that libraries built here use, in words."""
    found = compiler()
    if found is None:
        return "none"
    said = subprocess.run(
        [found[0], "-march=native", "-dM", "-E", "-x", "c++", "/dev/null"], capture_output=True, text=True, timeout=20, check=False
    ).stdout
    return next((name for macro, name in (("__AVX512F__", "AVX-512"), ("__AVX2__", "AVX2")) if macro in said), "plain")


def folder() -> Path:
    """Return the folder of compiled libraries, the user's alone.

    Raises:
        BuildError: It belongs to, or can be written by, somebody else.
    """
    path = cache_folder() / "kernels"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = path.stat()
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022):
        raise BuildError(f"{path}: others may write here, and what lies here is executed; chmod 700 it")
    return path


def library(text: str, double: bool) -> ctypes.CDLL:
    """Return the compiled and loaded library of a source.

    Raises:
        BuildError: The compiler failed; the message is its last lines.
    """
    found = compiler()
    if found is None:
        raise BuildError("no C++ compiler found (c++ or $CXX)")
    flags = [*FLAGS, *(["-DDOUBLE"] if double else [])]
    header = "".join(p.read_text(encoding="utf-8") for p in sorted(HERE.glob("*.h")))
    words = "\0".join([str(LAYOUT), text, header, *flags, found[1], target()])
    path = folder() / f"{hashlib.sha256(words.encode()).hexdigest()}.so"
    if path.exists():
        try:
            return ctypes.CDLL(str(path))
        except OSError:
            pass  # cut or foreign: built again
    _compile(found[0], flags, text, path)
    return ctypes.CDLL(str(path))


def _compile(command: str, flags: list[str], text: str, path: Path) -> None:
    temporary = path.with_name(f".{secrets.token_hex(8)}.so")
    arguments = [command, *flags, f"-I{HERE}", "-x", "c++", "-", "-o", str(temporary)]
    try:
        done = subprocess.run(arguments, input=text, capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode:
            raise BuildError(f"{command} failed:\n{done.stderr[-2000:]}")
        os.replace(temporary, path)
    except subprocess.TimeoutExpired:
        raise BuildError(f"{command} did not finish within {SECONDS} s") from None
    finally:
        temporary.unlink(missing_ok=True)
