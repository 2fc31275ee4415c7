"""The Python files that this user has named as tasks: a list of their own, outside of all runs, by SHA-256."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from archsearch.files import make_private
from archsearch.resources import user_folder
from archsearch.tasks import TaskSource
from archsearch.words import escaped

FILE = "own-tasks"
"""Lines of a SHA-256 and, for people, the path that it had."""


def is_trusted(source: TaskSource) -> bool:
    """Whether the user has named this very file before."""
    return source.sha256 in {line[:64] for line in _lines()}


def trust(source: TaskSource) -> None:
    """Remember a file that the user names; where nothing can be written it has to be named each time."""
    folder = user_folder()
    if folder is None or is_trusted(source):
        return
    with contextlib.suppress(OSError):
        make_private(folder)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        with open(os.open(folder / FILE, flags, 0o600), "a", encoding="utf-8") as file:
            file.write(f"{source.sha256}  {escaped(source.path)}\n")


def _lines() -> list[str]:
    """Return the list; nothing if there is none that only this user can have written."""
    folder = user_folder()
    if folder is None:
        return []
    try:
        with open(
            os.open(folder / FILE, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8", errors="replace"
        ) as file:
            return file.read().splitlines() if _is_ours(folder, file.fileno()) else []
    except OSError:
        return []


def _is_ours(folder: Path, file: int) -> bool:
    facts = (os.stat(folder), os.fstat(file))
    regular = stat.S_ISREG(facts[1].st_mode)
    return regular and all(one.st_uid == os.geteuid() and not one.st_mode & 0o022 for one in facts)
