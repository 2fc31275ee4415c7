"""What the pages show of a run: read anew when the run has changed, and never while a person waits for long.

A small run is read when a page is asked for, so that a page is of this moment. A large one takes seconds, so the pages show
what was read last while it is read again in the background, at most a tenth of the time.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from archsearch.errors import ArchsearchError
from archsearch.reports.contents import RunReport, contents
from archsearch.reports.dashboard.candidates import board_listing, candidate_listing
from archsearch.reports.dashboard.kin import Kin, kin_of
from archsearch.reports.dashboard.listing import Listing
from archsearch.reports.material import RunMaterial, read_run_material
from archsearch.store import Lock

TOP = 10
"""Ranks whose ancestors and curves are shown."""

PATIENCE = 0.15
REST = 9
"""How many times as long as the last reading took, none begins in the background."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run at one moment, with all that the pages say of it.

    Attributes:
        version: Tells it from others, in the addresses of figures.
        material: The run.
        report: What is said of it.
        kin: Its candidates.
        board: Its leaderboard.
        candidates: All candidates.
    """

    version: str
    material: RunMaterial
    report: RunReport
    kin: Kin
    board: Listing
    candidates: Listing


class LiveRun:
    """A run whose newest state is asked for again and again.

    Args:
        folder: The run's.
        pointer: How a shell command names it.
        patience: Seconds that a person is made to wait for the newest; a run that takes longer to read is read in the
            background.

    Attributes:
        folder, pointer, patience: The same.
        prepare: What is done with a snapshot in the background before it is shown.
        began, took: When the last reading began on the clock, and its seconds.
        _snapshot, _trouble: What it brought, or why it brought nothing.
        _state, _settled: What `state_of` said before it, and whether it had said so before the reading before that: the
            system notes the time of a change in steps, so a change may look like the one just before it.
        _reading: Held by who reads.
    """

    def __init__(self, folder: Path, pointer: str, patience: float = PATIENCE) -> None:
        self.folder, self.pointer, self.patience = folder, pointer, patience
        self.prepare: Callable[[Snapshot], object] = lambda snapshot: None
        self.began = self.took = 0.0
        self._snapshot: Snapshot | None = None
        self._trouble: ArchsearchError | None = None
        self._state, self._settled = "", False
        self._reading = threading.Lock()

    def snapshot(self) -> Snapshot:
        """Return the run, as new as it can be had without waiting for long; the first time it takes as long as it takes.

        Raises:
            ArchsearchError: The run is gone, or its records cannot be read.
        """
        if self._snapshot is None:
            with self._reading:
                self._read()
        elif self._changed() and self._reading.acquire(blocking=False):
            if self.took < self.patience:
                self._read_and_release(in_background=False)
            elif time.monotonic() > self.began + (1 + REST) * self.took:
                threading.Thread(target=self._read_and_release, args=(True,), daemon=True).start()
            else:
                self._reading.release()
        found, trouble = self._snapshot, self._trouble
        if trouble is not None:
            raise trouble
        assert found is not None, "who reads leaves a snapshot or says why not"
        return found

    def _changed(self) -> bool:
        return not self._settled or self._trouble is not None or self._state != state_of(self.folder)

    def _read_and_release(self, in_background: bool) -> None:
        try:
            self._read(in_background)
        finally:
            self._reading.release()

    def _read(self, in_background: bool = False) -> None:
        """Read the run; what is wrong with it is kept for whoever asks."""
        began, state = time.monotonic(), state_of(self.folder)
        before = self._snapshot.material if self._snapshot and self._trouble is None else None
        try:
            found = taken(self.folder, self.pointer, state, before)
            if in_background:
                self.prepare(found)
            self._snapshot, self._trouble = found, None
        except ArchsearchError as error:
            self._trouble = error
        self._settled, self._state = state == self._state, state
        self.began, self.took = began, time.monotonic() - began


def taken(folder: Path, pointer: str, state: str, before: RunMaterial | None = None) -> Snapshot:
    """Return a run as it is now.

    Args:
        folder: The run's.
        pointer: How a shell command names it.
        state: What `state_of` says of it.
        before: The same run, read earlier.

    Raises:
        StoreError: The records cannot be read, or contradict each other.
    """
    material = read_run_material(folder, TOP, before)
    kin = kin_of(material)
    return Snapshot(
        version=hashlib.sha256(state.encode()).hexdigest()[:16],
        material=material,
        report=contents(material, None, pointer),
        kin=kin,
        board=board_listing(material).prepare(),
        candidates=candidate_listing(kin).prepare(),
    )


def state_of(folder: Path) -> str:
    """Return a text that differs when the run does: what the system says of its files, and who searches in it."""
    found = []
    for name in ("run.db", "run.db-wal"):
        try:
            told = (folder / name).stat()
            found.append(f"{told.st_ino} {told.st_size} {told.st_mtime_ns}")
        except OSError:
            found.append("none")
    return f"{folder} {' '.join(found)} {Lock(folder).holder}"
