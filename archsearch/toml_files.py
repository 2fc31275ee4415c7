"""Reads TOML files, and says in plain words what is wrong with one: which key, what was given, and what is allowed there.

msgspec finds the faults; its sentences speak of types as programmers do, and do not list what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

Content = TypeVar("Content")

LARGEST_FILE = 2**20
"""Bytes of a preset or a search space, which a person writes."""

WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "datetime": "a date",
    "date": "a date",
    "time": "a time",
}
"""What msgspec calls a type -> what people do."""

KINDS: dict[type, str] = {inspect.IntType: "int", inspect.FloatType: "float", inspect.StrType: "str"}
"""What may stand beside words that are listed."""

WRONG_TYPE = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
WRONG_WORD = re.compile(r"Invalid enum value (.*)")
UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
MISSING = re.compile(r"Object missing required field `([^`]*)`")
STEP = re.compile(r"\.(\w+)|\[")


def read_toml(
    path: Path, kind: type[Content], completed: Callable[[dict[str, Any]], dict[str, Any]] = dict
) -> Content:
    """Return what a TOML file holds.

    Args:
        path: The file.
        kind: What it is to hold.
        completed: Adds to its content what goes without saying.

    Raises:
        OSError: It cannot be read.
        ValueError: It is none, or not of this kind; the message is for people.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ValueError(f"larger than {LARGEST_FILE:,} bytes")
    try:
        return msgspec.convert(completed(msgspec.toml.decode(content)), kind, str_keys=True)
    except msgspec.ValidationError as error:
        raise ValueError(in_plain_words(str(error), kind)) from None
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("brackets nested too deeply") from None
    except ValueError as error:
        if "integer string conversion" in str(error):
            raise ValueError("a number has thousands of digits") from None
        raise


def in_plain_words(message: str, kind: type) -> str:
    """Return what msgspec says of a file's content, for people.

    Args:
        message: What it says, such as "Invalid enum value 'adam' - at `$.grid.optimiser[0]`".
        kind: What the file was to hold.
    """
    sentence, _, path = message.partition(" - at `$")
    path = path.removesuffix("`")
    key = path.lstrip(".").replace("[...]", ".…")
    if found := WRONG_WORD.fullmatch(sentence):
        return f"{key} is {found[1]}; allowed: {', '.join(_allowed(kind, path))}"
    if found := WRONG_TYPE.fullmatch(sentence):
        wanted = [WORDS.get(name, name) for name in found[1].split(" | ") if name != "null"]
        return f"{key or 'the file'} is {WORDS.get(found[2], found[2])}; it must be {' or '.join(wanted)}"
    if found := UNKNOWN.fullmatch(sentence):
        return f"{key + ' has an ' if key else ''}unknown key `{found[1]}`"
    if found := MISSING.fullmatch(sentence):
        return f"{key + ' lacks' if key else 'it lacks'} the key `{found[1]}`"
    return f"{key}: {sentence}" if key else sentence


def _allowed(kind: type, path: str) -> Iterator[str]:
    """Yield what may stand at a path, such as `.grid.optimiser[0]`."""
    types = _alternatives([inspect.type_info(kind)])
    for step in STEP.finditer(path):
        types = _alternatives(_inside(types, step[1]))
    for each in types:
        if isinstance(each, inspect.LiteralType):
            yield from map(repr, each.values)
        elif type(each) in KINDS:
            yield WORDS[KINDS[type(each)]]


def _inside(types: Iterable[Any], name: str | None) -> Iterator[inspect.Type]:
    """Yield the types of a field, or of the items where there is no name."""
    for each in types:
        if isinstance(each, inspect.StructType):
            yield from (field.type for field in each.fields if field.encode_name == name)
        elif isinstance(each, inspect.VarTupleType | inspect.ListType):
            yield each.item_type
        elif isinstance(each, inspect.DictType):
            yield each.value_type


def _alternatives(types: Iterable[inspect.Type]) -> list[inspect.Type]:
    return [one for each in types for one in (each.types if isinstance(each, inspect.UnionType) else (each,))]
