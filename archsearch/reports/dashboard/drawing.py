"""Charts of the pages as pictures, drawn here, so that they need no JavaScript; each once while a run stays as it is."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from typing import Any

import matplotlib

from archsearch.reports.content import Panel
from archsearch.reports.dashboard.live import Snapshot
from archsearch.reports.printed import picture_inches, printed_panels

KEPT = 64
"""Pictures that are kept."""

PIXELS = 110
"""Of a page, for an inch of a picture."""

LOOKS: dict[Any, Any] = {"svg.hashsalt": "archsearch", "svg.fonttype": "none", "font.family": "sans-serif"}
"""Text stays text, in a font of the browser's, so that a picture has a tenth of the bytes."""


class Drawings:
    """Pictures by their addresses; matplotlib draws one at a time.

    Attributes:
        _kept: The last pictures, the oldest first.
        _wanted: The sections whose charts were asked for.
        _drawing: Held by who draws.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}
        self._wanted: set[str] = set()
        self._drawing = threading.Lock()

    def section(self, snapshot: Snapshot, key: str) -> bytes | None:
        """Return the chart of a section; None if there is no such section, or nothing to draw."""
        found = next((one for one in snapshot.report.sections if one.key == key), None)
        if found is None:
            return None
        self._wanted.add(key)
        return self.panels(snapshot.version, key, found.panels)

    def prepare(self, snapshot: Snapshot) -> None:
        """Draw the charts that were asked for of earlier versions, before anybody asks again."""
        for key in sorted(self._wanted):
            self.section(snapshot, key)

    def panels(self, version: str, name: str, panels: Sequence[Panel]) -> bytes | None:
        """Return some panels as SVG; None if there are none.

        Args:
            version: Of the run.
            name: Tells these panels from others of that version.
            panels: What is drawn.
        """
        if not panels:
            return None
        with self._drawing:
            if (version, name) not in self._kept:
                self._kept[version, name] = svg_of(panels)
                if len(self._kept) > KEPT:
                    del self._kept[next(iter(self._kept))]
            return self._kept[version, name]


def svg_of(panels: Sequence[Panel]) -> bytes:
    """Return panels as an SVG document."""
    with matplotlib.rc_context(LOOKS):
        file = io.BytesIO()
        printed_panels(panels).savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def size_in_pixels(panels: Sequence[Panel]) -> tuple[int, int]:
    """Return how wide and how high a page shows the picture of panels where there is room, so that it keeps that free."""
    wide, high = picture_inches(panels)
    return round(PIXELS * wide), round(PIXELS * high)
