"""The folder for what may be deleted at any time: the first of several that can be written and is this user's alone."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import platformdirs

from archsearch.errors import ArchsearchError
from archsearch.files import make_private, open_folder, temporary_file

CHOSEN = "ARCHSEARCH_CACHE"
"""The variable with the folder that the user wants."""

TEMPORARY = "ARCHSEARCH_TEMPORARY"
"""The variable with the private temporary folder that the process which started this one made, and deletes at its end."""

INHERITED = os.environ.get(TEMPORARY)

PARTS = ("kernels", "references")
"""Folders inside; what lies in them is run or believed."""


class NoCache(ArchsearchError):
    """No folder at all can hold a cache."""


def cache_folder() -> Path:
    """Return the folder: `ARCHSEARCH_CACHE` where that is set, else `archsearch` in the user's cache folder.

    Where that cannot be used it is the user's cache folder, that of the running session, or a private temporary one, which
    is gone at the end.

    Raises:
        NoCache: None of them can be used; says why.
    """
    return _usable(_surroundings())[0]


def cache_trouble() -> str:
    """Return why the cache is not where it should be and where it is instead, in a sentence; nothing if it is there."""
    try:
        return _usable(_surroundings())[1]
    except NoCache as error:
        return str(error)


def _surroundings() -> tuple[str, ...]:
    """Return what decides where the cache lies."""
    names = (CHOSEN, "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "HOME", "TMPDIR")
    return tuple(os.environ.get(name, "") for name in names)


@cache
def _usable(surroundings: tuple[str, ...]) -> tuple[Path, str]:
    """Return the folder, and what is to be said of it; found out once for the same surroundings."""
    troubles: list[str] = []
    for candidate in _candidates(surroundings[0]):
        try:
            folder = candidate()
            _try(folder)
        except (OSError, RuntimeError) as error:
            troubles.append(_words(error))
            continue
        return folder, _sentence(troubles, folder)
    raise NoCache(
        f"no folder for the cache: {'; '.join(troubles)}. Set {CHOSEN} to a folder of yours that can be written"
    )


def _candidates(chosen: str) -> Iterator[Callable[[], Path]]:
    if chosen:
        yield lambda: Path(chosen).expanduser()
    yield lambda: _absolute(platformdirs.user_cache_dir("archsearch"), "the home folder is not known")
    if session := os.environ.get("XDG_RUNTIME_DIR"):
        yield lambda: _absolute(session, "XDG_RUNTIME_DIR is no whole path") / "archsearch"
    yield _temporary


def _absolute(path: str, otherwise: str) -> Path:
    if not os.path.isabs(path):
        raise OSError(f"{otherwise} ({path})")
    return Path(path)


@cache
def _temporary() -> Path:
    """Return a private temporary folder, gone at the end of this process, for it and all that it starts."""
    if INHERITED:
        return Path(INHERITED)
    folder = Path(tempfile.mkdtemp(prefix="archsearch-"))
    owner = os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == owner else None)
    os.environ[TEMPORARY] = str(folder)
    return folder


def _try(folder: Path) -> None:
    """Make a folder and write to it.

    Raises:
        OSError: That fails, or others may write there, too.
    """
    make_private(folder)
    with open_folder(folder), temporary_file(folder) as file:
        file.touch()
    for part in PARTS:
        with contextlib.suppress(FileNotFoundError), open_folder(folder, part):
            pass


def _words(error: Exception) -> str:
    """Return what an error says, with the file that it is about."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _sentence(troubles: list[str], folder: Path) -> str:
    if not troubles or INHERITED:  # said by the process that made it
        return ""
    ends = folder.name.startswith("archsearch-")
    until = " until this ends, so cells are compiled anew each time" if ends else ""
    return f"the cache cannot be used ({'; '.join(troubles)}); it is in {folder}{until}; {CHOSEN} names another folder"
