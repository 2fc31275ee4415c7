"""Python's door: what the command line does, called from Python with the same defaults and the same results."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import archsearch
from archsearch.actions.listener import Progress, RunInfo, ToldStep
from archsearch.actions.tabular import Records
from archsearch.errors import ArchsearchError, InputError
from tests.helpers import forging
from tests.helpers.commands import TINY, Finished
from tests.helpers.sources import ROOT

SCRIPT = f"""
import archsearch

run = archsearch.evolve({str(TINY)!r}, runs="runs", workers=2)
print(run.folder, run.ended)
"""


def bytes_of(document: Any) -> str:
    """Return a document as the command line prints it."""
    return json.dumps(document, indent=2, allow_nan=False)


@pytest.fixture(scope="session")
def run(finished: Finished) -> archsearch.Run:
    return archsearch.open_run("tiny-1", finished.runs)


# -- a search ------------------------------------------------------------------------------------------------------


def test_a_search_from_a_plain_script_finds_what_the_command_line_finds_byte_for_byte(
    run: archsearch.Run, tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, env=_environment()
    )
    assert (done.returncode, done.stderr) == (0, ""), "no listener: nothing is printed"
    assert done.stdout == f"{Path('runs') / 'tiny-1'} finished\n", "once: workers do not run the script again"
    other = archsearch.open_run(tmp_path / "runs" / "tiny-1")
    assert bytes_of(other.as_document()) == bytes_of(run.as_document())


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "ARCHSEARCH_CORES": "2"}


def test_a_function_hears_of_the_run_and_its_steps(copied: Finished) -> None:
    events: list[object] = []
    run = archsearch.evolve(
        run=copied.folder, workers=1, device="cpu", max_candidates=9, listener=events.append
    )
    assert isinstance(events[0], RunInfo) and events[0].folder == run.folder and not events[0].new
    assert any(isinstance(event, Progress) for event in events)
    assert any(isinstance(event, ToldStep) for event in events)
    assert len([event for event in events if isinstance(event, RunInfo)]) == 1


def test_an_interrupt_leaves_a_run_that_goes_on(copied: Finished) -> None:
    def stop(event: object) -> None:
        if isinstance(event, Progress) and event.phase == "searching":
            os.kill(os.getpid(), signal.SIGINT)

    options = {"run": copied.folder, "workers": 1, "device": "cpu", "max_candidates": 10}
    with pytest.raises(KeyboardInterrupt, match="tiny-1"):
        archsearch.evolve(**options, listener=stop)
    assert archsearch.open_run(copied.folder).ended is None
    assert archsearch.evolve(**options).ended == "finished"


def test_wrong_use_is_said_as_on_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no preset 'quik'.*did you mean 'quick'"):
        archsearch.evolve("quik", runs=tmp_path)
    with pytest.raises(InputError, match="at least 1 candidate"):
        archsearch.evolve(runs=tmp_path, max_candidates=0)
    with pytest.raises(InputError, match="runs there"):
        archsearch.open_run("none", tmp_path)


# -- a run ---------------------------------------------------------------------------------------------------------


def test_the_leaderboard_has_the_rows_of_the_command_line(run: archsearch.Run) -> None:
    rows = run.leaderboard(top=2)
    assert [row["rank"] for row in rows] == [1, 2, None]
    assert bytes_of(rows) == bytes_of(run.as_document(top=2)["rows"])


def test_a_cell_is_found_by_rank_and_by_the_beginning_of_its_id(run: archsearch.Run) -> None:
    row = run.leaderboard()[0]
    assert run.cell(1).id == run.cell("1").id == run.cell(row["id"][:7]).id == row["id"]
    with pytest.raises(InputError, match="tiny-1/99"):
        run.cell(99)


def test_the_lineage_of_a_mutant_ends_at_a_start_cell(run: archsearch.Run) -> None:
    mutant = next(row for row in run.leaderboard() if row["parent"])
    births = run.lineage(mutant["rank"])
    assert births == run.lineage(run.cell(mutant["id"])) and births[0]["id"] == mutant["id"]
    assert [birth["parent"] for birth in births[:-1]] == [birth["id"] for birth in births[1:]]
    assert births[-1]["parent"] in {archsearch.library.load(name).id for name in ("gru", "lstm")}
    assert run.lineage(archsearch.library.load("gru")) == []


def test_trials_are_rows_of_plain_values(run: archsearch.Run) -> None:
    trials = run.trials()
    gru = archsearch.library.load("gru").id
    done = [trial for trial in trials if trial["cell"] == gru and trial["task"] == "english:small"]
    assert done and all(
        trial["status"] == "done" and trial["setting"]["optimiser"] == "adamw" for trial in done
    )
    json.dumps(trials, allow_nan=False)


def test_a_replay_holds_and_its_rows_say_so(run: archsearch.Run) -> None:
    replayed = archsearch.replay(run, top=1, workers=1)
    assert replayed.holds and [row["holds"] for row in replayed.records()] == [True, True]
    assert replayed.recorded == replayed.here


def test_a_cell_of_a_run_is_exported_with_its_scores(run: archsearch.Run, tmp_path: Path) -> None:
    by_run = run.export(1, tmp_path / "a.py").read_text()
    archsearch.export(f"{run.folder}/1", tmp_path / "b.py")
    assert "Run tiny-1 (seed 0), rank 1: fitness" in by_run
    assert (tmp_path / "b.py").read_text() == by_run
    with pytest.raises(InputError, match="exists"):
        archsearch.export(run.cell(1), tmp_path / "a.py")


# -- single cells --------------------------------------------------------------------------------------------------


def test_a_cell_is_loaded_by_whatever_names_it(run: archsearch.Run, tmp_path: Path) -> None:
    gru = archsearch.library.load("gru")
    (tmp_path / "mine.cell").write_text(gru.text())
    assert archsearch.load_cell("gru") == archsearch.load_cell(tmp_path / "mine.cell") == gru
    assert archsearch.load_cell("tiny-1/1", run.folder.parent) == run.cell(1)
    assert archsearch.Cell.load("gru") == archsearch.Cell.load(tmp_path / "mine.cell") == gru
    assert archsearch.Cell.load(f"{run.folder}/1") == run.cell(1)
    with pytest.raises(InputError, match="nothing.cell: No such file"):
        archsearch.Cell.load("nothing.cell")
    with pytest.raises(InputError, match="did you mean 'gru'"):
        archsearch.Cell.load("gruu")


def test_a_cell_is_trained_beside_the_gru() -> None:
    compared = archsearch.train("gru", "english", preset=str(TINY), settings=2, workers=1)
    assert compared.ratio == 1.0
    assert [row["cell"] == row["gru"] for row in compared.records()] == [True, True]


def test_a_drawing_is_shown_by_notebooks() -> None:
    picture = archsearch.library.load("gru")._repr_svg_()
    assert picture is not None and picture.startswith("<svg")


# -- tables --------------------------------------------------------------------------------------------------------


def test_what_a_table_holds_is_shown_as_text() -> None:
    hostile = "<script>alert('x')</script>"
    shown = Records([{"name": hostile, "tasks": {hostile: {"ratio": 0.5}}, "mutations": [hostile]}])
    page = shown._repr_html_()
    assert "<script" not in page and page.count("&lt;script&gt;") == 3
    assert ".ratio</th>" in page and "<td>0.5</td>" in page


def test_a_leaderboard_is_a_table_in_a_notebook(run: archsearch.Run) -> None:
    page = run.leaderboard()._repr_html_()
    assert page.count("<tr>") == 1 + len(run.leaderboard()) and "tasks.english.ratio" in page


def test_a_run_shows_itself_in_a_notebook(run: archsearch.Run) -> None:
    page = run._repr_html_()
    best = run.leaderboard()[0]
    assert "tiny-1" in page and "finished" in page and "candidates" in page
    assert f"{best['fitness']:.4g}" in page and "english" in page


def test_a_hostile_run_and_one_that_cannot_be_read_are_shown_as_text(
    copied: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forging, "EVIL", "<script>alert(1)</script>" + forging.EVIL)
    forging.forge(copied.folder, engine=True)
    hostile = archsearch.open_run(copied.folder)
    page = hostile._repr_html_()
    assert "<script" not in page and "&lt;script" in page
    assert not [harm for harm in forging.HARMFUL if harm in page]
    (copied.folder / "run.db").write_bytes(b"<script>" * 200)
    assert "run.db" in hostile._repr_html_() and "<script" not in hostile._repr_html_()


def test_rows_become_a_data_frame_where_pandas_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=list))
    assert Records([{"a": {"b": 1}}]).to_pandas() == [{"a.b": 1}]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ArchsearchError, match="pip install pandas"):
        Records().to_pandas()


# -- the names -----------------------------------------------------------------------------------------------------


def test_every_public_name_is_there_and_documented() -> None:
    for name in archsearch.__all__:
        value = getattr(archsearch, name)
        assert name in dir(archsearch)
        assert not callable(value) or (value.__doc__ or "").strip(), name
    with pytest.raises(AttributeError, match="no attribute 'evolv'"):
        _ = archsearch.evolv  # type: ignore[attr-defined]


def test_the_door_stays_shut_until_it_is_used() -> None:
    code = (
        "import sys, archsearch; loaded = [name for name in sys.modules if name.startswith('archsearch.')];"
        "assert loaded == ['archsearch.connections'], loaded; archsearch.evolve, archsearch.open_run, archsearch.TASKS;"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=_environment())
    assert done.returncode == 0, done.stderr
