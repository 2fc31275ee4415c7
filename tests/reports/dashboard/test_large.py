"""Pages of a run of 100,000 candidates, and how such a run is read again: only what is new."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from archsearch.reports.dashboard.app import PAGES, build_app
from archsearch.reports.dashboard.live import LiveRun
from archsearch.reports.material import read_run_material
from archsearch.search import STRATEGIES
from archsearch.store.tables import CellTable
from tests.helpers.commands import Finished
from tests.reports.dashboard.conftest import ReadPage
from tests.scale import search
from tests.scale.grown import grown

CANDIDATES = 100_000
LONGEST = 0.3
"""Seconds of the processor for a page; by the clock it is as much on a machine that does nothing else."""

ASKED = (
    *PAGES,
    "/candidates?sort=estimate&down=1",
    "/candidates?find=remove&page=7",
    "/candidates?only=evaluated&sort=children&down=1",
    "/candidates?sort=made+by&page=1999",
    "/leaderboard?sort=estimate",
)


@pytest.mark.slow
def test_every_page_of_a_large_run_takes_less_than_a_blink(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STRATEGIES, search.STRATEGY, search.free_cells)
    monkeypatch.setattr(CellTable, "_read", lambda _, identity: search.cell_called(identity))
    grown(tmp_path / "large", CANDIDATES)
    live = LiveRun(tmp_path / "large", "large")
    best = live.snapshot().board.ids[5]
    assert live.snapshot().material.board.candidates == CANDIDATES == len(live.snapshot().candidates.ids)
    assert live.took > live.patience, "it is read in the background"
    with TestClient(build_app(live), base_url="http://127.0.0.1") as client:
        client.get("/static/htmx.js")
        for address in (*ASKED, f"/cell/{best}", f"/cell/{best}/graph.svg"):
            began = time.process_time()
            answer = client.get(address)
            spent = time.process_time() - began
            assert answer.status_code == 200 and len(answer.content) < 50_000, address
            assert spent < LONGEST, f"{address}: {spent:.2f} s"
        assert f"of {CANDIDATES:,}" in ReadPage(client.get("/candidates").text).text


def test_a_run_that_is_read_again_is_what_it_is_when_it_is_read_for_the_first_time(
    finished: Finished,
) -> None:
    first = read_run_material(finished.folder, 10)
    for known in (first.steps[:1], first.steps[:-2], first.steps, (), first.steps[1:3]):
        again = read_run_material(finished.folder, 10, replace(first, steps=known))
        assert again.steps == first.steps
        assert again.board == first.board and again.outcomes == first.outcomes
