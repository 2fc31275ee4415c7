"""Files written whole or not at all, and folders that only their owner writes to."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def temporary_file(folder: Path, suffix: str = ".tmp") -> Iterator[Path]:
    """Yield the path of a hidden file that is not there yet; at the end it is gone, if it has not been moved."""
    path = folder / f".archsearch-{secrets.token_hex(8)}{suffix}"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


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


def is_ours(folder: Path) -> bool:
    """Whether a folder is there, belongs to this user, and cannot be written by others."""
    try:
        status = folder.stat()
    except OSError:
        return False
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022
