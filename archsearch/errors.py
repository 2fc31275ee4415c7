"""The errors that archsearch raises on purpose, each with the exit code the command line gives it."""


class ArchsearchError(Exception):
    """Something went wrong that a person can act on; the message says what was given, where, and the way out."""

    exit_code = 1


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


class BuildError(ArchsearchError):
    """The C++ compiler could not build a cell."""


class NoSpace(ArchsearchError):
    """The disk is full."""

    exit_code = 5
