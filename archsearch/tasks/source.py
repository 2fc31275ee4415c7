"""Where the file of a user's own task lies, and which bytes of it may be run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from archsearch.errors import TaskError


class TaskSource(msgspec.Struct, frozen=True):
    """The file of a user's own task.

    Attributes:
        path: Where it lies, absolute.
        sha256: Of a Python file, which is run only if it is this one; empty for a text.
    """

    path: str
    sha256: str = ""


def code_source(path: Path) -> TaskSource:
    """Return where a Python file lies and what it is now.

    Raises:
        TaskError: It cannot be read.
    """
    return TaskSource(str(path.absolute()), hashlib.sha256(read_code(path)).hexdigest())


def read_code(path: Path) -> bytes:
    """Return what a Python file holds.

    Raises:
        TaskError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise TaskError(f"{path}: no such file; a task of your own is written FILE.py:NAME") from None
    except (OSError, ValueError) as error:
        raise TaskError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from None
