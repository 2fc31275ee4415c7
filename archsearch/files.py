"""Files written whole or not at all, and folders that only their owner writes to."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
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
        OSError: It cannot be written, or what is there is no regular file, such as a pipe; nothing of it is left.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "no regular file", str(path))
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


class NotOurs(OSError):
    """Somebody else could have written it, so it is not believed."""


def open_ours(path: Path | str, flags: int = os.O_RDONLY, inside: int | None = None) -> int:
    """Return a descriptor of a folder or file that belongs to this user and cannot be written by others.

    Owner and mode are those of what was opened, whatever the name stands for a moment later.

    Args:
        path: Where it lies.
        flags: Such as `os.O_DIRECTORY`.
        inside: Descriptor of the folder where it lies, and where no link is followed.

    Raises:
        OSError: It is not there.
        NotOurs: Others may have written it.
    """
    links = os.O_NOFOLLOW if inside is not None else 0
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK | links, dir_fd=inside)
    status = os.fstat(descriptor)
    kind = stat.S_ISDIR if flags & os.O_DIRECTORY else stat.S_ISREG
    if status.st_uid == os.geteuid() and not status.st_mode & 0o022 and kind(status.st_mode):
        return descriptor
    os.close(descriptor)
    raise NotOurs(f"others may write to {path}: delete it, or give a folder of yours alone")


@contextlib.contextmanager
def open_folder(root: Path, *names: str) -> Iterator[int]:
    """Yield a descriptor of a folder, reached from a root from folder to folder, each of which is ours alone.

    Args:
        root: Where to begin; it may be reached by links.
        names: Of the folders inside, one in the other.

    Raises:
        OSError: One is not there.
        NotOurs: Others may have written one.
    """
    descriptor, place = open_ours(root, os.O_DIRECTORY), root
    try:
        for name in names:
            place = place / name
            inner = _inside(place, descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def is_ours(folder: Path) -> bool:
    """Whether a folder is there, belongs to this user, and cannot be written by others."""
    try:
        with open_folder(folder):
            return True
    except OSError:
        return False


def _inside(place: Path, folder: int) -> int:
    """Return a descriptor of a folder in an opened one; an error names its whole place."""
    try:
        return open_ours(place.name, os.O_DIRECTORY, folder)
    except NotOurs:
        raise NotOurs(f"others may write to {place}: delete it") from None


def read_ours(name: str, folder: int) -> bytes:
    """Return what a file in an opened folder holds.

    Raises:
        OSError: It is not there.
        NotOurs: Others may have written it.
    """
    with open(open_ours(name, inside=folder), "rb") as file:
        return file.read()
