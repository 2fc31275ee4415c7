"""Reads presets: TOML files, some of which come with archsearch."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from archsearch.cell import SearchSpace
from archsearch.errors import PresetError
from archsearch.protocol.checks import faults
from archsearch.protocol.duration import EXAMPLES
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
from archsearch.toml_files import read_toml
from archsearch.words import did_you_mean

TABLES = (Preset, SearchRules, MutationRules, TrainingRules, RaceRules, FilterRules, TaskRules, Grid)
"""The tables of a preset's file."""


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
        preset = read_toml(path, Preset)
    except OSError as error:
        raise PresetError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise PresetError(f"{path}: {error}{_hint(str(error))}") from None
    for fault in faults(preset):
        raise PresetError(f"{path}: {fault}")
    return path.stem, preset


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
