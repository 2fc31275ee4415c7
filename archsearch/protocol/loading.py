"""Reads presets: TOML files, some of which come with archsearch."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from archsearch.cell import SearchSpace
from archsearch.errors import InputError, PresetError
from archsearch.protocol.checks import faults
from archsearch.protocol.duration import EXAMPLES
from archsearch.protocol.ladder import with_sizes
from archsearch.protocol.preset import (
    FilterRules,
    MutationRules,
    Preset,
    RaceRules,
    SearchRules,
    TaskRules,
    TrainingRules,
)
from archsearch.protocol.settings import Grid
from archsearch.resources import grammars
from archsearch.toml_files import in_plain_words, read_toml
from archsearch.words import did_you_mean, flattened

TABLES = (Preset, SearchRules, MutationRules, TrainingRules, RaceRules, FilterRules, TaskRules, Grid)
"""The tables of a preset's file."""


PARTS = re.compile(r'"[^"]*"|[^.]+')
"""The parts of a key, one with dots in quotes: `tasks."xml@1.5m".steps`."""


@cache
def preset_names() -> tuple[str, ...]:
    """Return the names of the presets that come with archsearch."""
    return tuple(sorted(path.stem for path in (grammars() / "presets").glob("*.toml")))


def load_preset(name: str) -> tuple[str, Preset]:
    """Return a preset's name and content, by name or from a TOML file.

    Raises:
        PresetError: No such preset, or the file is not one; an unknown key comes with the nearest known one.
    """
    path = _path(name)
    try:
        preset = read_toml(path, Preset, _with_sizes)
    except OSError as error:
        raise PresetError(f"{path}: {error.strerror}") from None
    except (ValueError, PresetError) as error:
        raise PresetError(f"{path}: {error}{_hint(str(error))}") from None
    for fault in faults(preset):
        raise PresetError(f"{path}: {fault}")
    return path.stem, preset


def changed_preset(name: str, preset: Preset, changes: Mapping[str, Any]) -> Preset:
    """Return a preset some of whose keys say something else, as if its file had said so.

    Args:
        name: The preset's name, for people.
        preset: The preset.
        changes: Values by key, such as `own.steps` or `filter.grid.rate`.

    Raises:
        PresetError: A key or a value is none.
    """
    if not changes:
        return preset
    content: dict[str, Any] = msgspec.to_builtins(preset)
    said = f"preset {name} with {', '.join(f'{key} = {value!r}' for key, value in changes.items())}"
    for key in sorted(changes, key=lambda key: "@" in key):  # xml@30k follows xml, so that comes first
        *tables, last = (part.strip('"') for part in PARTS.findall(key))
        _table(content, tables, key)[last] = changes[key]
    try:
        changed = msgspec.convert(content, Preset)
    except msgspec.ValidationError as error:
        words = in_plain_words(str(error), Preset)
        raise PresetError(f"{said}: {words}{_hint(words)}") from None
    for fault in faults(changed):
        raise PresetError(f"{said}: {fault}")
    return changed


def _table(content: dict[str, Any], tables: list[str], key: str) -> dict[str, Any]:
    """Return the table of a preset that a key stands in; that of a task such as xml@30k, and a task's own grid, are made."""
    if tables[:1] == ["tasks"]:
        content["tasks"] = with_sizes(content["tasks"], set(tables[1:2]) - set(content["tasks"]))
    table: Any = content
    for name in tables:
        if name == "grid" and isinstance(table, dict):
            table.setdefault(name, {})
        table = table.get(name) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        hint = did_you_mean(key, flattened(content))
        raise PresetError(
            f"a preset has no key {key[:80]!r}{hint}; keys are such as own.steps or tasks.xml.budget"
        )
    return table


def parse_change(text: str) -> tuple[str, Any]:
    """Return the key and the value of `KEY=VALUE`; the value is read as in a preset's file, and may lack quotes.

    Raises:
        InputError: It is no such text.
    """
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not key or not value:
        raise InputError(f"{text[:80]!r} is not KEY=VALUE, such as own.steps=3000")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return key, value


def preset_schema() -> dict[str, Any]:
    """Return the JSON schema of presets, for editors and scripts; what it cannot say, `faults` does."""
    return msgspec.json.schema(Preset)


def _with_sizes(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a file whose tasks that name a budget have from their base what they do not say."""
    tasks = content.get("tasks")
    return {**content, "tasks": with_sizes(tasks, list(tasks))} if isinstance(tasks, dict) else content


def _path(name: str) -> Path:
    """Return the file of a preset, given by name or as a file."""
    if name in preset_names():
        return grammars() / "presets" / f"{name}.toml"
    if name.endswith(".toml"):
        return Path(name)
    hint = did_you_mean(name, preset_names())
    raise PresetError(f"no preset {name!r} (presets: {', '.join(preset_names())}, or a .toml file{hint})")


def _hint(message: str) -> str:
    """Return a hint at the nearest known key, if the message is about an unknown one, or at how a duration is written."""
    if message.startswith("search.max_time "):
        return f" such as {EXAMPLES}"
    unknown = re.search(r"unknown key `([^`]*)`", message)
    if not unknown:
        return ""
    if unknown[1] in SearchSpace.__struct_fields__ and " has an" not in message:
        return "; this is a search space, which goes with --space"
    known = sorted({field for table in TABLES for field in table.__struct_fields__})
    return did_you_mean(unknown[1], known) or f"; known keys: {', '.join(known)}"
