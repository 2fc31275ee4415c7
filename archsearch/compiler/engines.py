"""The engines: the ways in which a layer of a cell can run over a sequence."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch

from archsearch.cache_folder import NoCache, cache_folder, cache_trouble
from archsearch.cell import Cell
from archsearch.compiler.engine_names import (
    ENGINE_NAMES,
    INTERPRETER,
    NATIVE,
    NATIVE_3BF16,
    NATIVE_BF16,
    NEWTON,
    STACKED,
    EngineName,
    find_engine,
)
from archsearch.compiler.interpreter import Interpreter
from archsearch.compiler.layer_function import LayerFunction
from archsearch.compiler.native import engine as native
from archsearch.compiler.newton import Newton
from archsearch.compiler.stacked import dialects
from archsearch.compiler.stacked.engine import Stacked
from archsearch.errors import BuildError, InputError


@dataclass(frozen=True, slots=True)
class Engine:
    """A row of the table: all that is known of one engine.

    Attributes:
        title: Its names, its version, and whether it trains stacks.
        make: Makes a cell in canonical form (handles 0, 1, 2 …) ready to run.
        describe: Says what decides its bits on a device besides its version, in words; nothing does if they are empty. It
            raises BuildError where the engine does not work.
        devices: Kinds of devices where it runs cells if nothing else is asked for; elsewhere the interpreter does.
        works: Whether it can run here.
    """

    title: EngineName
    make: Callable[[Cell], LayerFunction]
    describe: Callable[[torch.device], str] = lambda device: ""
    devices: tuple[str, ...] = ()
    works: Callable[[], bool] = lambda: True

    @property
    def name(self) -> str:
        """What it is called."""
        return self.title.name

    @property
    def version(self) -> int:
        """Part of every trial's record; it rises when the engine's bits change."""
        return self.title.version


def _native_works() -> bool:
    return native_trouble() is None


def _works_in_parts(parts: int) -> bool:
    try:
        cache_folder()
        native.native_description(parts)
    except (BuildError, NoCache):
        return False
    return True


def native_trouble() -> BuildError | None:
    """Return why the native engine does not work here, None if it does; warns once where it does not."""
    return _native_trouble(os.environ.get("CXX", ""), os.environ.get("ARCHSEARCH_MARCH", ""))


@cache
def _native_trouble(command: str, march: str) -> BuildError | None:
    """Return why the native engine does not work with this `$CXX` and `$ARCHSEARCH_MARCH`."""
    try:
        cache_folder()
        native.native_description()
    except (BuildError, NoCache) as error:
        words = f"no native engine: {error}; cells run in the interpreter, several times slower"
        warnings.warn(words, RuntimeWarning, 5)
        return error if isinstance(error, BuildError) else BuildError(str(error))
    if trouble := cache_trouble():
        warnings.warn(trouble, RuntimeWarning, 5)
    return None


def _that_rounds(title: EngineName, make: Callable[[Cell], LayerFunction]) -> Engine:
    """Return the row of a native engine that multiplies bfloat16; no device runs cells in it unasked."""
    return Engine(
        title=title,
        make=make,
        describe=lambda device: native.native_description(title.parts),
        works=partial(_works_in_parts, title.parts),
    )


_ROWS = (
    Engine(title=INTERPRETER, make=Interpreter),
    Engine(
        title=NATIVE,
        make=native.Native,
        describe=lambda device: native.native_description(),
        devices=("cpu",),
        works=_native_works,
    ),
    Engine(title=STACKED, make=Stacked, describe=dialects.stacked_description, devices=("cuda",)),
    _that_rounds(NATIVE_BF16, native.NativeRounded),
    _that_rounds(NATIVE_3BF16, native.NativeSplit),
    Engine(title=NEWTON, make=Newton),
)

ENGINES = {engine.name: engine for engine in _ROWS}
"""Name -> engine; the first one is what all others must equal."""


def engine_of(words: str) -> Engine:
    """Return the engine that is meant by a name, or by what a record says of it.

    Raises:
        InputError: There is no such engine.
    """
    title = find_engine(words)
    if title is None:
        raise InputError(f"there is no engine {words!r}; it must be one of {', '.join(ENGINE_NAMES)}")
    return ENGINES[title.name]


def default_engine(device: torch.device | str | int | None = None) -> str:
    """Return the engine that runs cells on a device: `stacked` on CUDA, `native` on a CPU with a C++ compiler.

    Elsewhere it is `interpreter`. Warns once per process where a CPU has no such compiler.
    """
    kind = "cuda" if isinstance(device, int) else torch.device(device or "cpu").type
    for engine in ENGINES.values():
        if kind in engine.devices and engine.works():
            return engine.name
    return INTERPRETER.name


def identity(engine: str, device: torch.device | str = "cpu") -> str:
    """Return what decides the bits of an engine on a device, as records have it: e.g. `native 1 (g++ 12.2.0, AVX-512)`.

    Raises:
        BuildError: The engine does not work here.
        InputError: The environment asks for stacks of a kind that there is not.
    """
    row = engine_of(engine)
    details = row.describe(torch.device(device))
    return f"{row.title.recorded_as} {row.version}" + (f" ({details})" if details else "")
