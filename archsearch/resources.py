"""The folders that archsearch reads its shipped files from, and keeps its cache and its runs in."""

import os
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent

DEFAULT_RUNS = "runs"
"""The folder of all runs where nothing else is said."""


def grammars() -> Path:
    """Return the folder of the shipped grammars: inside the package in a wheel, beside it in a checkout."""
    packed = _PACKAGE / "grammars"
    return packed if packed.is_dir() else _PACKAGE.parent / "grammars"


def cache_folder() -> Path:
    """Return the folder for what may be deleted at any time; it need not exist yet.

    It is `ARCHSEARCH_CACHE` where that is set, else `archsearch` in the user's cache folder.
    """
    chosen = os.environ.get("ARCHSEARCH_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("archsearch"))


def runs_folder(said: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of all runs: what was said, else `ARCHSEARCH_RUNS`, else `runs`; it need not exist yet."""
    return Path(said or os.environ.get("ARCHSEARCH_RUNS") or DEFAULT_RUNS)
