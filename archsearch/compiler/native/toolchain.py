"""The C++ compiler of this machine, and the instructions it may use."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache

import psutil

from archsearch.errors import BuildError, CompilerEnded

PROBE_SECONDS = 20
"""How long a compiler may take to say what it is."""

NEEDED = {
    "x86-64-v4": ("__AVX512F__", "__AVX512BW__", "__AVX512CD__", "__AVX512DQ__", "__AVX512VL__"),
    "x86-64-v3": ("__AVX2__", "__FMA__", "__BMI2__"),
    "x86-64": (),
}
"""Levels of x86 processors with macros that tell them, widest first. Machines of one level share libraries, and bits."""

WORDS = (("__AVX512F__", "AVX-512"), ("__AVX2__", "AVX2"), ("__ARM_NEON", "NEON"))


BY_THE_HOST = (
    "signal terminated program",
    "terminated with signal",
    "Cannot allocate memory",
    "memory exhausted",
    "out of memory",
)
"""What compilers say of a part of theirs that was killed, or got no memory."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A compiler that answers.

    Attributes:
        command: How it is called.
        name: What it is, with its version.
        march: The value of `-march` that it is given.
        instructions: The widest vectors that this means, in words.
        target: What else than the flags decides whether a library runs here.
    """

    command: tuple[str, ...]
    name: str
    march: str
    instructions: str
    target: str


def toolchain() -> Toolchain:
    """Return the compiler: `$CXX`, else `c++`; for the processor, or what `$ARCHSEARCH_MARCH` names.

    Raises:
        BuildError: There is none, or it does not work.
    """
    found = _probed(os.environ.get("CXX") or "c++", os.environ.get("ARCHSEARCH_MARCH", ""))
    if isinstance(found, str):
        raise BuildError(found)
    return found


@cache
def _probed(wanted: str, march: str) -> Toolchain | str:
    """Return the compiler, or why there is none."""
    try:
        command = tuple(shlex.split(wanted))
    except ValueError as error:
        return f"$CXX is {wanted!r}, which is no command: {error}"
    path = shutil.which(command[0]) if command else None
    if path is None:
        return f"no C++ compiler {wanted!r} found (c++ or $CXX)"
    command = (path, *command[1:])
    try:
        question = [*command, f"-march={march or 'native'}", "-dM", "-E", "-x", "c++", "-"]
        status, said, trouble = run_compiler(question, "", PROBE_SECONDS)
    except BuildError as error:
        return str(error)
    macros = dict(re.findall(r"#define (\S+) (.*)", said))
    if status or "__cplusplus" not in macros:
        return f"{wanted!r} is no working C++ compiler: {trouble.strip()[-200:] or f'exit code {status}'}"
    march = march or _level(macros)
    instructions = next((word for macro, word in WORDS if macro in macros), "plain")
    target = "" if march in NEEDED else hashlib.sha256(said.encode()).hexdigest()
    return Toolchain(command, _name(macros), march, instructions, target)


def _name(macros: dict[str, str]) -> str:
    if "__clang_major__" in macros:
        return "clang++ " + ".".join(macros[f"__clang_{part}__"] for part in ("major", "minor", "patchlevel"))
    return "g++ " + ".".join(macros.get(f"__GNUC{part}__", "?") for part in ("", "_MINOR", "_PATCHLEVEL"))


def _level(macros: dict[str, str]) -> str:
    """Return the highest level that the processor has, `native` where compilers know none."""
    knows = (
        int(macros.get("__clang_major__", 0)) >= 12
        or int(macros.get("__GNUC__", 0)) >= 11
        and "__clang__" not in macros
    )
    if "__x86_64__" not in macros or not knows:
        return "native"
    return next(level for level, needed in NEEDED.items() if macros.keys() >= set(needed))


def run_compiler(arguments: list[str], text: str, seconds: float) -> tuple[int, str, str]:
    """Run a compiler on a text; return its exit code, what it wrote, and what it complained of.

    Args:
        arguments: How it is called.
        text: What it reads.
        seconds: How long it may take.

    Raises:
        BuildError: It could not be started.
        CompilerEnded: It was not done in time; all that it had started is ended.
    """
    environment = {**os.environ, "LC_ALL": "C"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    try:
        process = subprocess.Popen(arguments, **pipes, text=True, errors="replace", env=environment)  # type: ignore[call-overload]
    except OSError as error:
        raise BuildError(f"{arguments[0]}: {error.strerror}") from None
    try:
        said, trouble = process.communicate(text, seconds)
    except subprocess.TimeoutExpired:
        raise CompilerEnded(f"{arguments[0]} did not finish within {seconds:g} s") from None
    finally:
        if process.poll() is None:
            _end(process)
    return process.returncode, said, trouble


def _end(process: subprocess.Popen[str]) -> None:
    """End a compiler and the programs that it called."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for called in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                called.kill()
    process.kill()
    process.communicate()


def failure(name: str, status: int, trouble: str) -> BuildError:
    """Return the error of a compiler that failed: the source's fault, or that of the host.

    Args:
        name: What the compiler is.
        status: Its exit code.
        trouble: What it complained of.
    """
    by_host = status < 0 or any(words in trouble for words in BY_THE_HOST)
    kind = CompilerEnded if by_host else BuildError
    return kind(f"{name} failed (exit code {status}):\n{trouble[-2000:]}")
