"""The folders that archsearch reads its shipped files from, and keeps its runs and what the user decided in."""

import os
from pathlib import Path

import platformdirs

CELL_FILE = "cell.cell"
"""The text of the cell in the folder of a trained model."""

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
