"""The picture of what the machine allows, and of where rows stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from archsearch.bench.roofline import roofline_picture

LEVELS = [{"name": "L1", "size": 1_000, "gbs": 500.0}, {"name": "memory", "size": None, "gbs": 40.0}]
MACHINE = {"processor": "A fast one", "instructions": "AVX2", "peak_gflops": 250.0, "levels": LEVELS}


def row(cell: str, limit: str | None, **sizes: int) -> dict[str, Any]:
    work = {"flops": 1_000_000, "traffic": [{"name": "tape", "bytes": 100_000, "span": 100_000}]}
    limits = None if limit is None else {"limit": limit, "share": 0.5}
    return {
        "cell": cell,
        "ms": 0.01,
        "batch": 2,
        "steps": 3,
        "width": 8,
        "work": work,
        "limits": limits,
        **sizes,
    }


def drawn(layers: int) -> Any:
    rows = [row(f"cell {number}", "compute") for number in range(layers)]
    document = {
        "machine": MACHINE,
        "rows": [*rows, row("none", None)],
        "training_steps": [row("gru", "memory", parameters=10_000)],
    }
    return roofline_picture(document)


def test_every_counted_row_is_named_and_every_roof_too() -> None:
    texts = {text.get_text() for text in drawn(1).axes[0].texts}
    assert texts == {
        "cell 0 B2T3H8: compute 50 %",
        "gru 10,000 parameters: memory 50 %",
        "peak 250 GFLOP/s",
        "L1 500 GB/s",
        "memory 40 GB/s",
    }


def test_no_two_names_overlap_however_many_rows_there_are() -> None:
    picture = drawn(60)
    canvas = FigureCanvasAgg(picture)
    canvas.draw()
    renderer = canvas.get_renderer()
    boxes = [
        Text.get_window_extent(text, renderer)  # of the words alone, without the line
        for text in picture.axes[0].texts
        if "parameters" in text.get_text() or "B2" in text.get_text()
    ]
    boxes.sort(key=lambda box: box.y0)
    assert len(boxes) == 61
    assert all(one.y1 <= following.y0 for one, following in zip(boxes, boxes[1:], strict=False))


def test_a_picture_without_rows_shows_the_roofs(tmp_path: Path) -> None:
    file = tmp_path / "roofline.svg"
    roofline_picture({"machine": MACHINE, "rows": [], "training_steps": []}).savefig(file)
    assert file.read_text(encoding="utf-8").startswith("<?xml")
