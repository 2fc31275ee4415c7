"""What the engines are called, in code and in records. No torch here, so that records are read in a blink."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineName:
    """The part of an engine's row that needs no torch.

    Attributes:
        name: As code and `ARCHSEARCH_ENGINE` say it.
        version: Part of every trial's record; it rises when the engine's bits change.
        recorded_as: As records say it. It is part of a trial's key, so an engine that gets another name keeps this one.
        trains_stacks: Whether it trains several trials at once, side by side.
        parts: How many bfloat16 numbers stand for each one that its matrix products multiply, so that it equals the others
            to two digits, or to five; 0 if they stay as they are.
    """

    name: str
    version: int
    recorded_as: str
    trains_stacks: bool = False
    parts: int = 0


INTERPRETER = EngineName(name="interpreter", version=1, recorded_as="reference")
NATIVE = EngineName(name="native", version=2, recorded_as="native")
NATIVE_BF16 = EngineName(name="native-bf16", version=1, recorded_as="native-bf16", parts=1)
NATIVE_3BF16 = EngineName(name="native-3bf16", version=1, recorded_as="native-3bf16", parts=2)
STACKED = EngineName(name="stacked", version=3, recorded_as="stacked", trains_stacks=True)
NEWTON = EngineName(name="newton", version=2, recorded_as="newton")

NATIVE_ENGINES = (NATIVE, NATIVE_BF16, NATIVE_3BF16)
"""Those that also train whole models in compiled code."""

_ROWS = (INTERPRETER, NATIVE, STACKED, NATIVE_BF16, NATIVE_3BF16, NEWTON)
ENGINE_NAMES = {engine.name: engine for engine in _ROWS}


def current_name(word: str) -> str:
    """Return what an engine is called now that is, or was, called `word`; a word that names none is returned as it is."""
    return next((name for name, engine in ENGINE_NAMES.items() if word == engine.recorded_as), word)


def find_engine(words: str) -> EngineName | None:
    """Return the engine that is meant by a name or by the words of a record; None if there is no such engine.

    `native`, `native 1 (g++ 12.2.0, AVX-512)` and, for the interpreter, `reference 1` are such words.
    """
    return ENGINE_NAMES.get(current_name(words.partition(" ")[0]))


def trains_stacks(words: str) -> bool:
    """Whether the engine that is meant, if there is one, trains several trials at once."""
    engine = find_engine(words)
    return engine is not None and engine.trains_stacks
