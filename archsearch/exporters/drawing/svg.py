"""A picture of a cell: time runs upwards, from the input and the states at the bottom to the next values at the top."""

from __future__ import annotations

from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from archsearch.cell import Cell
from archsearch.exporters.drawing.formula import Span
from archsearch.exporters.drawing.layout import Arrangement, arrange
from archsearch.exporters.drawing.picture import Glyph, picture
from archsearch.exporters.drawing.shapes import HALF_CIRCLE, LINE, LOOKS, Outline, width
from archsearch.exporters.scores import Scores, score_lines
from archsearch.exporters.tidy import Tidy, tidy
from archsearch.words import polynomial, short_id

MARGIN = 18.0
HEADER, FOOTER = 46.0, 34.0
STYLE = """
.card { fill: #ffffff; stroke: #d8dee4 }
text { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif }
text { fill: #1f2328; text-anchor: middle }
.v, .name { font-family: Georgia, 'Times New Roman', 'DejaVu Serif', serif; font-style: italic; font-size: 14px }
.name { font-weight: bold; font-size: 15px }
.side { text-anchor: start }
.title { font-size: 16px; font-weight: bold; text-anchor: start }
.small { font-size: 11px; fill: #59636e; text-anchor: start }
.mark { font-size: 13px; font-weight: bold }
.glyph rect, .glyph circle { stroke-width: 1.4 }
.edge { fill: none; stroke-width: 1.5 }
.halo { fill: none; stroke: #ffffff; stroke-width: 4 }
"""


def to_svg(cell: Cell, scores: Scores | None = None) -> str:
    """Return an SVG document with the graph of a cell; it needs no script, no font file and no other program."""
    shown = tidy(cell)
    return _Drawing(shown, picture(shown)).document(score_lines(scores))


class _Drawing:
    """A picture with a place for everything.

    Attributes:
        tidy: The cell.
        glyphs: What is drawn.
        shapes: Outlines of the glyphs.
        edges: Source and target of each edge.
        marks: What stands at the end of each edge.
        layout: Rows and positions.
        middle: Where the middle of each row lies, in pixels from the top.
        half_row: Half the height of each row.
        bottom: Where the lowest row ends.
        rank: The row of every point.
        width: Of the picture.
        ends: Where each edge meets its target.
    """

    def __init__(self, shown: Tidy, glyphs: list[Glyph]) -> None:
        self.tidy, self.glyphs = shown, glyphs
        self.shapes = [Outline(glyph) for glyph in glyphs]
        self.edges = [(source, target) for target, glyph in enumerate(glyphs) for source, _ in glyph.operands]
        self.marks = [mark for glyph in glyphs for _, mark in glyph.operands]
        self.layout: Arrangement = arrange([shape.box() for shape in self.shapes], self.edges)
        self._set_rows()
        self._set_columns()
        self.ends = self._ends()

    def _set_rows(self) -> None:
        """Give every row its height and its middle, from the top of the picture down."""
        layout = self.layout
        heights = [
            max((self.shapes[i].height for i in row if i < len(self.shapes)), default=0.0)
            for row in layout.rows
        ]
        spans = [0.0] * len(heights)
        for path in layout.paths:
            for low, high in zip(path, path[1:], strict=False):
                rank = next(r for r, row in enumerate(layout.rows) if low in row)
                spans[rank] = max(spans[rank], abs(layout.x[low] - layout.x[high]))
        y = HEADER + MARGIN
        self.middle, self.half_row = [0.0] * len(heights), [height / 2 for height in heights]
        for rank in reversed(range(len(heights))):
            self.middle[rank] = y + heights[rank] / 2
            y += heights[rank] + (min(26 + spans[rank - 1] * 0.09, 70) if rank else 0)
        self.bottom = y
        self.rank = {point: rank for rank, row in enumerate(layout.rows) for point in row}

    def _set_columns(self) -> None:
        layout, boxes = self.layout, self.layout.boxes
        left = min(layout.x[i] - boxes[i].left for i in range(len(boxes)))
        right = max(layout.x[i] + boxes[i].right for i in range(len(boxes)))
        needed = max(width([(text, False)], 11.5) for text in [*self._subtitle(), self._legend_text()]) + 30
        needed = max(needed, width([(self.tidy.cell.name, False)], 17))
        spare = max(0.0, needed - (right - left))
        self.width = right - left + spare + 2 * MARGIN
        layout.x = [x - left + MARGIN + spare / 2 for x in layout.x]

    def _subtitle(self) -> list[str]:
        cell = self.tidy.cell
        return [f"{polynomial(cell.polynomial, ' + ')} parameters \u00b7 {short_id(cell.id)}"]

    def _legend(self) -> list[tuple[str, str, str]]:
        present = {glyph.kind for glyph in self.glyphs}
        return [look for kind, look in LOOKS.items() if kind in present and look[2]]

    def _legend_text(self) -> str:
        return "".join(f"{name}       " for _, _, name in self._legend())

    def _ends(self) -> list[tuple[float, float]]:
        """Return where each edge meets its target: side by side below it, in the order from which they come."""
        ends = [(0.0, 0.0)] * len(self.edges)
        order = sorted(
            range(len(self.edges)), key=lambda e: (self.edges[e][1], self.layout.x[self.layout.paths[e][-2]])
        )
        for target, group in groupby(order, key=lambda e: self.edges[e][1]):
            of_target = list(group)
            shape, rank = self.shapes[target], self.rank[target]
            reach = HALF_CIRCLE * 0.62 + shape.half - HALF_CIRCLE if shape.round else shape.half - 10
            step = min(2 * reach / max(len(of_target) - 1, 1), 18.0)
            for position, edge in enumerate(of_target):
                shift = (position - (len(of_target) - 1) / 2) * step
                beyond = max(0.0, abs(shift) - (shape.half - HALF_CIRCLE)) if shape.round else 0.0
                drop = (HALF_CIRCLE**2 - beyond**2) ** 0.5 if shape.round else shape.height / 2
                ends[edge] = (self.layout.x[target] + shift, self.middle[rank] + drop)
        return ends

    def curve(self, edge: int) -> list[tuple[float, ...]]:
        """Return an edge as its start (x, y), then cubic pieces (x1, y1, x2, y2, x, y) and straight ones (x, y)."""
        path = self.layout.paths[edge]
        end_x, end_y = self.ends[edge]
        source = self.shapes[path[0]]
        x, y = self.layout.x[path[0]], self.middle[self.rank[path[0]]] - source.height / 2
        pieces: list[tuple[float, ...]] = [(x, y)]
        for i, point in enumerate(path[1:], 1):
            rank = self.rank[point]
            last = i == len(path) - 1
            leave = self.middle[rank - 1] - self.half_row[rank - 1]
            arrive = self.middle[rank] + self.half_row[rank]
            if y != leave:
                pieces.append((x, leave))
            new_x = end_x if last else self.layout.x[point]
            bend = (leave - arrive) * 0.5
            pieces.append((x, leave - bend, new_x, arrive + bend, new_x, arrive))
            x, y = new_x, end_y if last else self.middle[rank] - self.half_row[rank]
            pieces.append((x, y))
        return pieces

    def document(self, scores: list[str]) -> str:
        cell = self.tidy.cell
        height = self.bottom + FOOTER
        title, about = f"{short_id(cell.id)}-title", f"{short_id(cell.id)}-text"
        size = f'width="{self.width:.0f}" height="{height:.0f}" viewBox="0 0 {self.width:.0f} {height:.0f}"'
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="{title} {about}">',
            f'<title id="{title}">{escape(f"Recurrent cell {cell.name}")}</title>',
            f'<desc id="{about}">{escape(chr(10).join([cell.text().rstrip(), *scores]))}</desc>',
            f"<style>{STYLE}</style>",
            f'<rect class="card" x="0.5" y="0.5" width="{self.width - 1:.0f}" height="{height - 1:.0f}" rx="10"/>',
            f'<text class="title" x="{MARGIN}" y="27">{escape(cell.name)}</text>',
            *(f'<text class="small" x="{MARGIN}" y="44">{escape(line)}</text>' for line in self._subtitle()),
            *self._edges(),
            *(self._glyph(i) for i in range(len(self.glyphs))),
            *self._swatches(height - 16),
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

    def _edges(self) -> list[str]:
        """Draw the edges source by source, each source's over a halo, so that crossings read as crossings."""
        lines: list[str] = []
        order = sorted(range(len(self.edges)), key=lambda e: self.edges[e][0])
        for source, group in groupby(order, key=lambda e: self.edges[e][0]):
            of_source = list(group)
            paths = [_path(self.curve(edge)) for edge in of_source]
            colour = LOOKS[self.glyphs[source].kind][1]
            colour = colour if self.glyphs[source].kind != "number" else LOOKS["point"][1]
            lines += [f'<path class="halo" d="{path}"/>' for path in paths]
            lines += [f'<path class="edge" stroke="{colour}" d="{path}"/>' for path in paths]
            lines += [self._arrow(edge, colour) for edge in of_source]
        return lines

    def _arrow(self, edge: int, colour: str) -> str:
        x, y = self.ends[edge]
        head = f'<path fill="{colour}" d="M{x:.1f} {y:.1f}l-4 8h8z"/>'
        if self.marks[edge]:
            side = 10 if x >= self.layout.x[self.edges[edge][1]] else -10
            head += f'<text class="mark" x="{x + side:.1f}" y="{y + 12:.1f}">{self.marks[edge]}</text>'
        return head

    def _glyph(self, i: int) -> str:
        glyph, shape = self.glyphs[i], self.shapes[i]
        fill, stroke, _ = LOOKS[glyph.kind]
        x, y = self.layout.x[i], self.middle[self.rank[i]]
        radius = {"gate": 6, "activation": 6, "linear": 2}.get(glyph.kind, shape.height / 2)
        outline = (
            f'<rect x="{x - shape.half:.1f}" y="{y - shape.height / 2:.1f}" width="{2 * shape.half:.1f}" '
            f'height="{shape.height:.1f}" rx="{radius:g}" fill="{fill}" stroke="{stroke}"/>'
        )
        rows = [_text("name", [(glyph.name, False)])] if shape.plate and glyph.name else []
        rows += [
            _text("name" if glyph.kind in ("input", "state", "next") else "", line) for line in glyph.lines
        ]
        top = y - LINE * len(rows) / 2 + 12
        texts = [row.format(x=f"{x:.1f}", y=f"{top + LINE * place:.1f}") for place, row in enumerate(rows)]
        if shape.round and glyph.name:
            side = _text("name side", [(glyph.name, False)])
            texts.append(side.format(x=f"{x + shape.half + 4:.1f}", y=f"{y + 4:.1f}"))
        covers = " ".join(str(handle) for handle in glyph.covers)
        return f'<g class="glyph {glyph.kind}" data-nodes={quoteattr(covers)}>{outline}{"".join(texts)}</g>'

    def _swatches(self, y: float) -> list[str]:
        lines, x = [], MARGIN
        for fill, stroke, name in self._legend():
            lines.append(
                f'<rect x="{x:.1f}" y="{y - 9:.1f}" width="11" height="11" rx="3" fill="{fill}" stroke="{stroke}"/>'
                f'<text class="small" x="{x + 16:.1f}" y="{y:.1f}">{name}</text>'
            )
            x += 16 + width([(name, False)], 11.0) + 12
        return lines


def _path(pieces: list[tuple[float, ...]]) -> str:
    start, *rest = pieces
    commands = [f"M{start[0]:.1f} {start[1]:.1f}"]
    for piece in rest:
        commands.append(("C" if len(piece) == 6 else "L") + " ".join(f"{number:.1f}" for number in piece))
    return "".join(commands)


def _text(kind: str, spans: list[Span]) -> str:
    """Return a text element with `{x}` and `{y}` to be filled in."""
    parts = [escape(text).replace("{", "{{").replace("}", "}}") for text, _ in spans]
    inner = "".join(
        f'<tspan class="v">{part}</tspan>' if is_name else part
        for part, (_, is_name) in zip(parts, spans, strict=True)
    )
    return f'<text{f" class={quoteattr(kind)}" if kind else ""} x="{{x}}" y="{{y}}">{inner}</text>'
