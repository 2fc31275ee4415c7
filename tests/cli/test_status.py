"""What `runs` and `status` say of runs: searched in or not, at their beginning, finished or damaged."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from archsearch.actions import status as statuses
from archsearch.store import Lock, RunStore, Session, make_run
from tests.helpers.commands import Call, Finished
from tests.helpers.in_process import search_on
from tests.helpers.plans import run_plan


def told(call: Call, folder: Path) -> dict[str, Any]:
    done = call("status", folder, "--json")
    assert done.code == 0, done.err
    document: dict[str, Any] = json.loads(done.out)
    return document


def test_a_finished_run_says_what_it_found_and_that_nothing_is_left(call: Call, finished: Finished) -> None:
    status = told(call, finished.folder)
    with RunStore.open(finished.folder) as store:
        steps, candidates = store.standings.told_and_candidates()
    assert status["state"] == "finished" and status["searcher"] == ""
    assert (status["told"], status["candidates"], status["phase"]) == (steps, candidates, "steps")
    assert status["seconds_left"] == 0 and status["rate"] > 0
    lines = call("status", finished.folder).out
    assert "state      finished" in lines and "candidates a minute" in lines


def test_a_run_that_is_searched_in_says_by_whom_and_is_not_held_up(call: Call, copied: Finished) -> None:
    with Lock(copied.folder):
        status = told(call, copied.folder)
        assert status["state"] == "searching" and status["searcher"].startswith("process ")
    assert told(call, copied.folder)["searcher"] == ""


def test_a_run_that_has_only_begun_counts_its_references(call: Call, tmp_path: Path) -> None:
    make_run(tmp_path / "begun", run_plan())
    status = told(call, tmp_path / "begun")
    assert (status["state"], status["phase"], status["done"]) == ("stopped", "references", 0)
    assert status["due"] > 0 and status["rate"] is None and status["best"] is None


def test_the_rate_leaves_out_what_came_before_the_first_step(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    make_run(folder, run_plan())
    search_on(folder, 12)
    with RunStore.open(folder, write=True) as store:
        assert store.facts.session is not None and store.facts.session.prepared is not None
        store.facts.elapsed, store.facts.session = 160.0, Session(max_candidates=24, prepared=100.0)
    status = told(call, folder)
    assert status["candidates"] == 12 and status["rate"] == pytest.approx(12.0)
    assert status["seconds_left"] == pytest.approx(60.0)


def test_how_long_the_workers_waited_is_noted_over_all_sessions(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    make_run(folder, run_plan())
    assert told(call, folder)["waited"] is None
    search_on(folder, 6)
    with RunStore.open(folder, write=True) as store:
        assert (
            store.facts.session is not None and 0 < store.facts.session.waited < store.facts.session.offered
        )
        store.facts.session = Session(offered=4000.0, waited=1000.0)
    assert told(call, folder)["waited"] == pytest.approx(0.25)
    search_on(folder, 12)
    assert told(call, folder)["waited"] == pytest.approx(0.25, abs=0.01)
    assert "workers waited 25% of theirs" in call("status", folder).out


def test_where_a_run_was_searched_is_told_when_nobody_searches_any_more(
    call: Call, finished: Finished, tmp_path: Path
) -> None:
    shutil.copytree(finished.folder, tmp_path / "runs" / "copied")
    here = socket.gethostname()
    assert told(call, tmp_path / "runs" / "copied")["host"] == here
    assert f", searched on {here}" in call("status", tmp_path / "runs" / "copied").out
    assert f"on {here}" in call("runs", "--runs", tmp_path / "runs").out


def test_runs_lists_the_newest_first_and_says_which_are_damaged(
    call: Call, finished: Finished, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(finished.folder, runs / "sound")
    shutil.copytree(finished.folder, runs / "broken")
    (runs / "broken" / "run.db").write_bytes(b"nothing")
    states = {each["run"]: each["state"] for each in json.loads(call("runs", "--runs", runs, "--json").out)}
    assert states == {"sound": "finished", "broken": "damaged"}
    assert call("runs", "--runs", runs).out.splitlines()[0].startswith("run ")
    assert call("status", "broken", "--runs", runs).code == 4
    assert "evolve" in call("runs", "--runs", tmp_path / "none").err


def test_a_time_is_said_in_the_unit_that_a_person_would_take() -> None:
    assert [statuses.span(seconds) for seconds in (5, 119, 720, 12_600, 200_000)] == [
        "5 s",
        "119 s",
        "12 min",
        "3.5 h",
        "2.3 days",
    ]
