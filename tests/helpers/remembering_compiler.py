"""A C++ compiler that copies what it has built before: `python -IS remembering_compiler.py FOLDER COMPILER ARGUMENT...`.

Tests start from empty caches on purpose, and most of their time would go by in building the same libraries again. What was
built from the same text, headers and arguments by the same compiler is the same library, so it is built once, for all
processes and sessions; everything that archsearch does with a compiler and its cache stays as it is.
"""

import contextlib
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

KEPT = 7 * 24 * 3600.0
"""Seconds since its last use after which a library is forgotten."""


def command(folder: Path, compiler: list[str]) -> Path:
    """Return a program that is a compiler and remembers in a folder what it has built."""
    called = shlex.join([sys.executable, "-IS", __file__, str(folder), *compiler])
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "c++"
    half = made.with_name(f"c++.{os.getpid()}")
    half.write_text(f'#!/bin/sh\nexec {called} "$@"\n')
    half.chmod(0o755)
    os.replace(half, made)
    return made


def forget(folder: Path) -> None:
    """Remove what has not been used for long."""
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - KEPT:
                path.unlink()


def key(compiler: list[str], text: bytes) -> str:
    """Return what a library depends on, its place left out, as a digest.

    Args:
        compiler: The compiler and its arguments.
        text: What it reads.
    """
    real = os.stat(shutil.which(compiler[0]) or compiler[0])
    parts = [*compiler[: compiler.index("-o")], str((real.st_size, real.st_mtime_ns))]
    headers = [
        path.read_bytes()
        for argument in compiler
        if argument.startswith("-I")
        for path in sorted(Path(argument[2:]).glob("*.h"))
    ]
    return hashlib.sha256(b"\0".join([*map(os.fsencode, parts), *headers, text])).hexdigest()


def build(folder: Path, compiler: list[str]) -> int:
    """Build a library, or copy it; return the exit code."""
    target, text = Path(compiler[compiler.index("-o") + 1]), sys.stdin.buffer.read()
    kept = folder / key(compiler, text)
    try:
        os.utime(kept)
        shutil.copyfile(kept, target)
        return 0
    except FileNotFoundError:
        pass
    status = subprocess.run(compiler, input=text).returncode
    if status == 0:
        _keep(target, kept)
    return status


def _keep(built: Path, kept: Path) -> None:
    half = kept.with_name(f"{kept.name}.{os.getpid()}")
    with contextlib.suppress(OSError):  # then it is built again
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(built, half)
        os.replace(half, kept)


if __name__ == "__main__":
    if {"-shared", "-"} <= set(sys.argv):  # a library, from standard input: others are built as ever
        sys.exit(build(Path(sys.argv[1]), sys.argv[2:]))
    os.execvp(sys.argv[2], sys.argv[2:])
