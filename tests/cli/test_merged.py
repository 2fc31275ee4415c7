"""A merged run on the command line: what reads runs reads it, and what searches in runs refuses it with the way on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archsearch.cell import library
from archsearch.protocol.claims import Claim, PairResult
from archsearch.store import RunStore, make_run, read_leaderboard
from tests.helpers.commands import Call
from tests.helpers.in_process import search_on
from tests.helpers.plans import run_plan


@pytest.fixture
def merged(call: Call, tmp_path: Path) -> Path:
    """Two searched runs, and the one that they were merged to."""
    for seed in (1, 2):
        folder = tmp_path / "runs" / f"small-{seed}"
        make_run(folder, run_plan(noise_draws=1, seed=seed))
        search_on(folder, 10)
        with RunStore.open(folder, write=True) as store:
            best = next(row for row in read_leaderboard(store, "run").rows if row.is_found)
            claim = Claim.of(store.facts.plan, best.id, library.load("gru").id, 2)
            store.claims.keep(1, claim, {task.name: (PairResult(0.9, 0.1),) * 3 for task in claim.tasks})
    done = call("runs", "merge", "small-2", "small-1", "-o", "both")
    assert done.code == 0 and "2 runs" in done.err and "archsearch leaderboard both" in done.err, done.err
    return tmp_path / "runs" / "both"


def test_all_that_reads_a_run_reads_a_merged_one(call: Call, merged: Path) -> None:
    board = call("leaderboard", "both").out
    assert "Merged of small-1 (seed 1) and small-2 (seed 2)." in board
    best = next(row for row in json.loads(call("leaderboard", "both", "--json").out)["rows"] if row["parent"])
    for command in (
        ("show", f"both/{best['rank']}"),
        ("show", f"both/{best['rank']}", "--tree"),
        ("export", f"both/{best['rank']}", "-o", "best.py"),
        ("runs", "export", "both", "-o", "both.jsonl"),
        ("leaderboard", "both", "--front"),
        ("doctor", "both"),
    ):
        done = call(*command)
        assert done.code == 0, (command, done.err)


def test_runs_and_status_say_what_it_was_merged_of(call: Call, merged: Path) -> None:
    listed = {each["run"]: each for each in json.loads(call("runs", "--json").out)}
    assert listed["both"]["state"] == "merged" and [part["seed"] for part in listed["both"]["merged"]] == [
        1,
        2,
    ]
    assert listed["small-1"]["merged"] == []
    row = next(line for line in call("runs").out.splitlines() if line.startswith("both"))
    assert "merged" in row and " 1, 2 " in row
    said = call("status", "both").out
    assert "merged of  small-1 (seed 1) and small-2 (seed 2)" in said and "left" not in said


def test_a_report_says_how_its_runs_are_made_again(call: Call, merged: Path) -> None:
    assert call("report", "both", "-o", "report.html").code == 0
    page = (merged.parent.parent / "report.html").read_text()
    assert "archsearch evolve --run small-1 " in page
    assert "archsearch runs merge small-1 small-2 -o both" in page
    assert "seed 1, 2; tasks" in page and "no search of its own" in page


def test_no_search_goes_on_in_it_and_nothing_is_proposed_to_it(call: Call, merged: Path) -> None:
    refused = call("evolve", "--run", "both")
    assert refused.code == 2
    assert "both is merged of small-1 (seed 1) and small-2 (seed 2)" in refused.err
    assert "archsearch evolve --from both" in refused.err
    Path("mine.cell").write_text(library.load("mut1").text())
    proposed = call("propose", "both", "mine.cell")
    assert proposed.code == 2 and "has no search of its own" in proposed.err


def test_merging_into_a_run_that_is_there_is_refused(call: Call, merged: Path) -> None:
    again = call("runs", "merge", "small-1", "small-2", "-o", "both")
    assert again.code == 2 and "is there already" in again.err
    unknown = call("runs", "merge", "small-1", "small-3", "-o", "other")
    assert unknown.code == 2 and "no run 'small-3'" in unknown.err
    assert call("runs", "merge", "-o", "other").code == 2
