"""Files written whole or not at all, and folders that only their owner writes to."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

TEMPORARY, NEW_FOLDER = ".archsearch-", ".new-"
"""How the names of files and folders begin that are not whole yet."""

LEFTOVER = 24 * 3600.0
"""Seconds after which nobody writes to such a file any more: who did was killed."""


@contextlib.contextmanager
def temporary_file(folder: Path, suffix: str = ".tmp") -> Iterator[Path]:
    """Yield the path of a hidden file that is not there yet; at the end it is gone, if it has not been moved."""
    path = folder / f"{TEMPORARY}{secrets.token_hex(8)}{suffix}"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what killed processes left half-made in a folder of ours and in the folders in it."""
    with contextlib.suppress(OSError):
        if not is_ours(folder):
            return
        os.utime(folder)  # the file system's own clock, which its files were dated by
        before = folder.stat().st_mtime - LEFTOVER
        for path in [
            *_half_made(folder),
            *(each for inner in _folders(folder) for each in _half_made(inner)),
        ]:
            with contextlib.suppress(OSError):
                if path.lstat().st_mtime < before:
                    _remove(path)


def _folders(folder: Path) -> list[Path]:
    return [Path(entry) for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]


def _half_made(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [Path(entry) for entry in entries if entry.name.startswith((TEMPORARY, NEW_FOLDER))]
    return []


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def write_whole(path: Path, content: bytes, check: Callable[[], None] | None = None) -> None:
    """Write a file so that it is the old one or the new one at any time, also after a power cut.

    Args:
        path: The file; its folder exists.
        content: All of it.
        check: Called just before the new file takes the old one's place; an error keeps the old one.

    Raises:
        OSError: It cannot be written; nothing of it is left.
    """
    with temporary_file(path.parent) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if check is not None:
            check()
        os.replace(temporary, path)
    with contextlib.suppress(OSError):  # not every file system can sync a folder, and the file is there
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk.

    Raises:
        OSError: The folder cannot be read, or its file system cannot do that.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are not there, for its owner alone.

    Raises:
        OSError: It cannot be made.
    """
    if not folder.parent.exists():
        make_private(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def is_ours(folder: Path) -> bool:
    """Whether a folder is there, belongs to this user, and cannot be written by others."""
    try:
        status = folder.stat()
    except OSError:
        return False
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022
