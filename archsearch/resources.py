"""The folders that archsearch reads its shipped files from, and keeps its runs and what the user decided in."""

import os
from pathlib import Path
from typing import TypeVar

import msgspec
import platformdirs

Content = TypeVar("Content")

_PACKAGE = Path(__file__).resolve().parent

DEFAULT_RUNS = "runs"
"""The folder of all runs where nothing else is said."""


def grammars() -> Path:
    """Return the folder of the shipped grammars: inside the package in a wheel, beside it in a checkout."""
    packed = _PACKAGE / "grammars"
    return packed if packed.is_dir() else _PACKAGE.parent / "grammars"


def user_folder() -> Path | None:
    """Return the folder of what the user has decided, which need not exist yet; None where there is no home."""
    try:
        folder = Path(platformdirs.user_data_dir("archsearch"))
    except RuntimeError:
        return None
    return folder if folder.is_absolute() else None


def runs_folder(said: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of all runs: what was said, else `ARCHSEARCH_RUNS`, else `runs`; it need not exist yet."""
    return Path(said or os.environ.get("ARCHSEARCH_RUNS") or DEFAULT_RUNS)


def read_toml(path: Path, kind: type[Content]) -> Content:
    """Return what a TOML file holds.

    Raises:
        OSError: It cannot be read.
        ValueError: It is none, or not of this kind; the message is for people.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("brackets nested too deeply") from None
    except ValueError as error:
        if "integer string conversion" in str(error):
            raise ValueError("a number has thousands of digits") from None
        raise
