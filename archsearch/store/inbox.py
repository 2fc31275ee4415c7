"""The inbox of a run: cells that people and programs propose, a small file each, until the driver takes them.

Only the driver writes a run's database, so who proposes a cell leaves it in a folder beside that. A file is there whole or
not at all, and goes when the step that tries its cell is on the disk. Nothing else of a run depends on the folder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from pathlib import Path

from archsearch.cell import Cell
from archsearch.cell.cell import cell_text
from archsearch.errors import CellError, InputError, NoSpace
from archsearch.files import is_ours, make_private, write_whole

FOLDER = "inbox"
"""In the folder of the run."""

MOST = 1_000
"""Cells that may wait."""

NAME = re.compile(r"(\d{9})-(c[0-9a-f]{32})\.cell")
"""A number that grows, then the cell's id: who came first is taken first."""


class Inbox:
    """The cells that wait for a run.

    Args:
        run: The run's folder.

    Attributes:
        folder: Where they lie; it is made with the first of them.
    """

    def __init__(self, run: Path) -> None:
        self.folder = run / FOLDER

    def waiting(self) -> list[Path]:
        """Return the files that wait, the oldest first; none where others may write to the folder."""
        try:
            names = sorted(name for name in os.listdir(self.folder) if NAME.fullmatch(name))
        except OSError:
            return []
        return [self.folder / name for name in names] if names and is_ours(self.folder) else []

    def holds(self, cell: str) -> bool:
        """Whether a cell waits, given by its id."""
        return any(file.name.endswith(f"-{cell}.cell") for file in self.waiting())

    def put(self, cell: Cell) -> None:
        """Leave a cell for the driver.

        Raises:
            InputError: Too many wait, or the folder cannot be written.
            NoSpace: The disk is full.
        """
        waiting = self.waiting()
        if len(waiting) >= MOST:
            raise InputError(
                f"{MOST:,} cells wait already in the inbox; the search takes one in two steps, so wait for it"
            )
        number = int(waiting[-1].name[:9]) + 1 if waiting else 0
        try:
            make_private(self.folder)
            write_whole(self.folder / f"{number:09}-{cell.id}.cell", cell.text().encode())
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NoSpace(f"{self.folder}: {error.strerror}") from None
            raise InputError(
                f"the run's inbox cannot be written: {error.strerror}; who searches in a run may propose to it"
            ) from None

    def text(self, file: Path) -> str | None:
        """Return the text of a file that waits; None if that is no text of a cell, as none of ours is."""
        try:
            return None if file.is_symlink() or not file.is_file() else cell_text(file)
        except CellError:
            return None

    def remove(self, file: Path) -> None:
        """Take a file away, if it is still there."""
        with contextlib.suppress(OSError):
            file.unlink()
