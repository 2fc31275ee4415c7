"""What the things in a picture look like: colours, and outlines that hold their text."""

from __future__ import annotations

from archsearch.exporters.drawing.formula import Span
from archsearch.exporters.drawing.layout import Box
from archsearch.exporters.drawing.picture import Glyph

LINE, PADDING, HALF_CIRCLE = 16.0, 9.0, 13.0
LOOKS = {
    "input": ("#f0eafa", "#7a52b3", "input"),
    "state": ("#e3f4e8", "#2f8f4e", "state"),
    "next": ("#c9ecd3", "#2f8f4e", ""),
    "gate": ("#fff0d9", "#d27a1c", "gate"),
    "activation": ("#e4effd", "#3572b8", "activation"),
    "linear": ("#eef0f3", "#6b7683", "linear"),
    "point": ("#ffffff", "#4b5560", "element-wise"),
    "number": ("#ffffff", "#ffffff", ""),
}
"""Kind -> fill, stroke, name in the legend."""

NARROW, BROAD = set("il.,()'|!ftrj1 \u2009\u2032\u00b7I"), set("mwWMUVQ\u2026+\u2212")


def width(spans: list[Span], size: float = 13.0) -> float:
    """Return about how wide a text becomes; no font is at hand to ask."""
    ems = sum(0.4 if c in NARROW else 0.88 if c in BROAD else 0.6 for text, _ in spans for c in text)
    return ems * size


class Outline:
    """The outline of a glyph, around its anchor.

    Attributes:
        round: Whether it is a circle, with its name beside it.
        plate: Whether it is a box with its name in it.
        half, right, height: Half its width, how far its name reaches to the right, and its height.
        glyph: What it shows.
    """

    def __init__(self, glyph: Glyph) -> None:
        self.glyph = glyph
        widest = max(width(line) for line in glyph.lines)
        name = width([(glyph.name, True)], 15.0) if glyph.name else 0.0
        self.round = glyph.kind == "point"
        self.plate = glyph.kind in ("gate", "activation", "linear")
        if self.round:
            half = max(HALF_CIRCLE, widest / 2 + 6, 6.0 * len(glyph.operands))
            self.half, self.height = half, 2 * HALF_CIRCLE
            self.right = half + (name + 5 if name else 0)
        else:
            self.half = max(widest, name * self.plate, 16.0) / 2 + PADDING
            rows = len(glyph.lines) + (self.plate and bool(glyph.name))
            self.height = LINE * rows + 10
            self.right = self.half

    def box(self) -> Box:
        """Return the room that the glyph needs in the layout."""
        kind = self.glyph.kind
        return Box(self.half, self.right, kind in ("input", "state"), kind == "next")
