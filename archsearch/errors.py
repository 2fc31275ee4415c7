"""The errors that archsearch raises on purpose, each with the exit code the command line gives it."""

import errno
import os

INTERRUPTED = 130
"""What the command line ends with after Ctrl-C, as a shell shows it."""


FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says where nothing more can be written."""


class ArchsearchError(Exception):
    """Something went wrong that a person can act on; the message says what was given, where, and the way out.

    Attributes:
        exit_code: What the command line ends with.
        has_lines: Whether the message has lines of its own; in another, a line break can only come from a name or a text.
    """

    exit_code = 1
    has_lines = False


class InputError(ArchsearchError):
    """A bad option, file or value."""

    exit_code = 2


class CellError(InputError):
    """A cell's text or graph is not a cell."""


class SpaceError(InputError):
    """A search space's file is not one."""


class PresetError(InputError):
    """A preset's file is not one."""


class TaskError(InputError):
    """A task is unknown, its data is missing or foreign, or it breaks its interface."""


class RunLocked(ArchsearchError):
    """Another process searches in this run."""

    exit_code = 3


class StoreError(ArchsearchError):
    """A run's database is damaged, foreign or newer than this version."""

    exit_code = 4


class ReadOnly(StoreError):
    """A run is sound but cannot be written, or not even read."""

    exit_code = 1


class BuildError(ArchsearchError):
    """The C++ compiler could not build a cell; its own words follow."""

    has_lines = True


class CompilerEnded(BuildError):
    """The host ended the compiler: it was killed, or had neither memory nor time enough. The source is not to blame."""


class WorkerError(ArchsearchError):
    """A worker could not do what it was started for; its traceback follows."""

    has_lines = True


class ClusterLost(ArchsearchError):
    """The cluster that trained is gone; all that had ended is stored."""

    exit_code = 6


class NoSpace(ArchsearchError):
    """The disk is full."""

    exit_code = 5


def is_full(error: BaseException) -> bool:
    """Whether an error comes of a disk or a quota without space, said by the system or in a compiler's or linker's words."""
    if isinstance(error, OSError):
        return error.errno in FULL
    if isinstance(error, ArchsearchError):
        return any(os.strerror(number) in str(error) for number in FULL)
    cause = error.__cause__ or error.__context__
    return cause is not None and is_full(cause)
