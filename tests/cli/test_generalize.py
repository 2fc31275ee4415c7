"""`archsearch study generalize`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archsearch.studies import generalize, trained
from tests.helpers.commands import Call

SMALL = ("--cells", "tanh_rnn", "--steps", "5", "--trials", "1", "--budget", "600")


def test_the_study_of_generalisation_has_skills_and_ratios_beside_the_gru(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generalize, "SCORED_WINDOWS", 2)
    monkeypatch.setattr(trained, "default_engine", lambda device: "interpreter")
    done = call("study", "generalize", *SMALL, "--folder", tmp_path)
    assert done.code == 0 and done.out.count("/ gru") == 2 and "tanh_rnn" in done.out, done.err
    rows = json.loads(call("study", "generalize", *SMALL, "--folder", tmp_path, "--json").out)["rows"]
    assert [row["cell"] for row in rows] == ["gru", "tanh_rnn"] and "x10" in rows[1]["skills"]


def test_a_cell_that_is_called_as_the_gru_does_not_take_its_place(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generalize, "SCORED_WINDOWS", 2)
    monkeypatch.setattr(trained, "default_engine", lambda device: "interpreter")
    own = tmp_path / "own.cell"
    own.write_text("cell gru(x, h):\n    h' = tanh(linear(x) + h)\n")
    few = ("--cells", own, *SMALL[2:], "--folder", tmp_path / "runs")
    rows = json.loads(call("study", "generalize", *few, "--json").out)["rows"]
    assert [row["cell"] for row in rows] == ["gru", f"gru ({own})"]
    assert rows[0]["skills"] != rows[1]["skills"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--task", "ptb"], "no task with a length 'ptb'"),
        (["--rate", "0"], "--rate 0: it is a positive number"),
    ],
)
def test_wrong_use_of_the_study_of_generalisation_is_said(
    call: Call, arguments: list[str], said: str
) -> None:
    done = call("study", "generalize", *arguments)
    assert done.code == 2 and said in done.err
