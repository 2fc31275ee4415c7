"""The picture of a measurement: one layer in every engine, as bars of how many times faster than nn.GRU it is.

`python -m archsearch.bench.chart docs/bench.json > docs/bench.svg` draws the one in the README.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from archsearch.compiler.engine_names import INTERPRETER, NATIVE

CELLS = ("gru", "lstm")
ENGINES = {
    NATIVE.recorded_as: ("archsearch, compiled", "#1f6feb"),
    "jax": ("jax.lax.scan, tuned", "#d29922"),
    "nn.GRU": ("torch, nn.GRU or nn.LSTM", "#8b949e"),
    "nn.LSTM": ("torch, nn.GRU or nn.LSTM", "#8b949e"),
    INTERPRETER.recorded_as: ("archsearch, interpreter", "#c9d1d9"),
}
"""Engine -> what it is called, and its colour; in the order of the bars."""

WIDTH, LEFT, RIGHT = 720, 150, 120
BAR, GAP, TOP, BOTTOM = 13, 10, 62, 34


def drawn_chart(document: dict[str, Any]) -> str:
    """Return the chart of a document of `archsearch bench --json`."""
    groups = _groups(document["rows"])
    longest = max(row["ratio_nn_gru"] for _, rows in groups for row in rows)
    parts, y = _head(document["machine"], {row["engine"] for _, rows in groups for row in rows}), float(TOP)
    for title, rows in groups:
        middle = y + BAR * len(rows) / 2 + 4
        parts.append(f'<text x="{LEFT - 10}" y="{middle:g}" text-anchor="end">{escape(title)}</text>')
        for row in rows:
            length = row["ratio_nn_gru"] / longest * (WIDTH - LEFT - RIGHT)
            colour = ENGINES[row["engine"]][1]
            parts.append(
                f'<rect x="{LEFT}" y="{y:g}" width="{length:.1f}" height="{BAR - 2}" fill="{colour}"/>'
            )
            words = f"{row['ratio_nn_gru']:.1f}x · {row['ms']:.2f} ms"
            parts.append(
                f'<text class="small" x="{LEFT + length + 5:.1f}" y="{y + BAR - 3:g}">{words}</text>'
            )
            y += BAR
        y += GAP
    foot = (
        "Forward and backward of one layer, float32, one thread; times faster than nn.GRU of the same shape."
    )
    parts.append(f'<text class="small" x="14" y="{y + 14:g}">{foot}</text>')
    size = f'viewBox="0 0 {WIDTH} {y + BOTTOM:g}" width="{WIDTH}" height="{y + BOTTOM:g}"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    return "\n".join([opening, *parts, "</svg>", ""])


def _groups(rows: Sequence[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the rows that are drawn, by cell and shape; torch's own layers stand with the cell that they rival."""
    rival = {"nn.GRU": "gru", "nn.LSTM": "lstm"}
    order = list(ENGINES)
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        cell = rival.get(row["engine"], row["cell"])
        if cell in CELLS and row["engine"] in ENGINES:
            shape = f"{row['batch']}×{row['steps']}, {row['width']} units"
            groups.setdefault((shape, cell), []).append(row)
    shapes = list(dict.fromkeys(shape for shape, _ in groups))
    titled = [
        (f"{cell} {shape}", groups[shape, cell])
        for cell in CELLS
        for shape in shapes
        if (shape, cell) in groups
    ]
    return [(title, sorted(bars, key=lambda row: order.index(row["engine"]))) for title, bars in titled]


def _head(machine: dict[str, Any], engines: set[str]) -> list[str]:
    """Return style, title, machine and legend."""
    words = (
        f"{machine['processor']}, {machine['instructions']}, {machine['compiler']}, torch {machine['torch']}"
    )
    parts = [
        "<style>text{font:12px system-ui,'DejaVu Sans',sans-serif;fill:#57606a}"
        ".small{font-size:10px}.title{font-size:14px}</style>",
        '<text class="title" x="14" y="20">How fast one layer trains</text>',
        f'<text class="small" x="14" y="36">{escape(words)}</text>',
    ]
    x = 14.0
    for name, colour in dict.fromkeys(ENGINES[engine] for engine in ENGINES if engine in engines):
        parts.append(f'<rect x="{x:g}" y="45" width="9" height="9" fill="{colour}"/>')
        parts.append(f'<text class="small" x="{x + 13:g}" y="53">{escape(name)}</text>')
        x += 30 + 5.6 * len(name)
    return parts


if __name__ == "__main__":
    sys.stdout.write(drawn_chart(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
