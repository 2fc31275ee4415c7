"""`archsearch fit` from a cell to a folder: what it prints, and what it says of a stop."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from archsearch.actions.fit_course import Advance
from archsearch.cli import fit_progress
from archsearch.errors import INTERRUPTED
from archsearch.training import fitting
from tests.helpers.commands import TINY, Call
from tests.helpers.models import book, contents

SHORT = ("--preset", TINY, "--steps", 40, "--units", 6)


def test_it_prints_the_draws_and_the_scores_and_writes_the_folder(call: Call, tmp_path: Path) -> None:
    task = f"text:{book(tmp_path)}"
    done = call("fit", "mgu", "--task", task, *SHORT, "--seeds", 2, "--beside", "gru", "-o", "model")
    assert done.code == 0, done.err
    assert done.out.count("the model") == 1 and "mgu on text:book.txt: validation " in done.out
    assert "gru on text:book.txt: validation " in done.out and "so no proof" in done.out
    assert "mgu: setting 2 of 2: step 20 of 20 · validation " in done.err and "wrote model" in done.err
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "README.md",
        "cell.cell",
        "cell.py",
        "config.json",
        "model.safetensors",
    ]
    again = call("fit", "mgu", "--task", task, *SHORT, "-o", "model")
    assert again.code == 2 and again.err == "Error: model exists; --force replaces it\n"


def test_json_is_one_document(call: Call, tmp_path: Path) -> None:
    done = call("fit", "gru", "--task", f"text:{book(tmp_path)}", *SHORT, "--json", "-o", "model")
    document = json.loads(done.out)
    (draw,) = document["draws"]
    assert document["folder"] == "model" and document["units"] == 6 and document["beside"] is None
    assert (document["validation"], document["test"]) == (draw["validation"], draw["test"])


def test_an_interrupted_fit_goes_on_with_the_same_command_and_writes_the_bytes_of_one_that_was_not(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "EVERY", 0.0)
    heard: list[Advance] = []

    def told(lines: object, advance: Advance) -> None:
        heard.append(advance)
        if advance.step >= stop:
            raise KeyboardInterrupt

    monkeypatch.setattr(fit_progress._Lines, "__call__", told)
    task = f"text:{book(tmp_path)}"
    command = ("fit", "gru", "--task", task, "--preset", TINY, "--settings", 1, "--steps", 120, "-o")
    stop = 60
    done = call(*command, "model")
    assert done.code == INTERRUPTED and "The same command goes on where it was." in done.err
    assert not (tmp_path / "model").exists()
    heard.clear()
    stop = 1_000
    assert call(*command, "model").code == 0
    assert heard[0].step > 40, "it goes on, not anew"
    assert call(*command, "whole").code == 0
    assert contents(tmp_path / "model") == contents(tmp_path / "whole")


def test_a_terminal_has_a_bar_with_step_and_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=120)
    monkeypatch.setattr(fit_progress, "console", lambda error: terminal)
    with fit_progress.fit_progress() as told:
        told(Advance("gru: draw 1 of 2", 250, 1_000, 250, 2_000, 1.5, 1.25))
    shown = screen.getvalue()
    assert "gru: draw 1 of 2" in shown and "step 250 of 1,000 · validation 1.5000, best 1.2500" in shown


def test_the_time_left_is_that_of_the_steps_that_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((100.0, 110.0))
    monkeypatch.setattr(fit_progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    left = fit_progress.TimeLeft()
    assert left(Advance("gru", 500, 1_000, 500, 1_000, None, None)) == "", (
        "what an earlier call did says nothing"
    )
    assert left(Advance("gru", 600, 1_000, 600, 1_000, None, None)) == " · at most 0:40 left"
