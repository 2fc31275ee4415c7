"""The picture of a measurement."""

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from archsearch.bench.chart import drawn_chart
from tests.helpers.sources import ROOT

RESULT = ROOT / "docs" / "bench.json"
MACHINE = {"processor": "A <fast> one", "instructions": "AVX2", "compiler": "g++ 12", "torch": "2.13"}


def row(cell: str, engine: str, ratio: float) -> dict[str, Any]:
    return {
        "cell": cell,
        "engine": engine,
        "batch": 2,
        "steps": 3,
        "width": 8,
        "ms": 1 / ratio,
        "ratio_nn_gru": ratio,
    }


def test_every_engine_of_the_two_cells_has_its_bar() -> None:
    rows = [row("gru", "native", 4.0), row("gru_reset_after", "nn.GRU", 1.0), row("lstm", "nn.LSTM", 3.0)]
    rows.append(row("mut1", "native", 5.0))  # not drawn
    drawn = ElementTree.fromstring(drawn_chart({"machine": MACHINE, "rows": rows}))
    words = ["".join(text.itertext()) for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert [word for word in words if " ms" in word] == ["4.0x · 0.25 ms", "1.0x · 1.00 ms", "3.0x · 0.33 ms"]
    assert "A <fast> one, AVX2, g++ 12, torch 2.13" in words


@pytest.mark.skipif(not RESULT.exists(), reason="no result is kept yet")
def test_the_picture_in_the_readme_is_that_of_the_kept_result() -> None:
    document = json.loads(RESULT.read_text(encoding="utf-8"))
    assert (ROOT / "docs" / "bench.svg").read_text(encoding="utf-8") == drawn_chart(document)
