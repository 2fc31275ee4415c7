"""`archsearch study odyssey`: its table, its figures, and what it says to wrong use."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import pytest

from archsearch.compiler import Recurrent
from archsearch.studies import importance
from archsearch.studies.random_search import training
from archsearch.tasks import music
from tests.helpers.commands import Call
from tests.helpers.tunes import COUNTS, write_tunes


@pytest.fixture
def tunes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with made-up music in the place of the chorales, learned by the interpreter, which has nothing to compile."""
    monkeypatch.setattr(training, "Recurrent", partial(Recurrent, engine="interpreter"))
    monkeypatch.setitem(music.MUSIC, "jsb_chorales", COUNTS)
    write_tunes(tmp_path)
    return tmp_path


def test_trials_of_each_cell_are_trained_once_and_told_in_a_table(call: Call, tunes: Path) -> None:
    common = (
        "study",
        "odyssey",
        "--data",
        tunes,
        "--trials",
        3,
        "--reduced",
        "--epochs",
        1,
        "--folder",
        "kept",
    )
    done = call(*common, "--cells", "tanh_rnn,gru", "--figure", tunes / "boxes.svg")
    assert done.code == 0, done.err
    assert done.out.splitlines()[1].startswith("tanh_rnn") and "best tenth" in done.out
    assert (tunes / "boxes.svg").exists() and "Still better at the last epoch" in done.err
    kept = {path: path.stat().st_mtime_ns for path in Path("kept").iterdir()}
    document = json.loads(call(*common, "--cells", "tanh_rnn", "--json").out)
    (row,) = document["rows"]
    assert (row["cell"], row["trials"], document["effort"]) == (
        "tanh_rnn",
        3,
        {"epochs": 1, "patience": 5, "loss": "mean", "dropout": False},
    )
    assert kept == {path: path.stat().st_mtime_ns for path in Path("kept").iterdir()} and len(kept) == 2


def test_the_importance_of_settings_is_told_and_drawn(
    call: Call, tunes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importance, "RESAMPLES", 2)
    common = ("study", "odyssey", "--data", tunes, "--epochs", 1, "--cells", "tanh_rnn", "--importance")
    few = call(*common, "--trials", 2)
    assert few.code == 0 and "no cell has 10 trials with a score" in few.err
    done = call(*common, "--trials", 12, "--marginals", tunes / "marginals.svg")
    assert done.code == 0, done.err
    assert "interactions" in done.out and "> 67 %" in done.out and (tunes / "marginals.svg").exists()
    document = json.loads(call(*common, "--trials", 12, "--json").out)
    (row,) = document["importance"]
    assert list(row["settings"]) == ["units", "rate", "momentum", "noise"] and row["trials"] == 12


def test_the_gates_are_told_as_factors(call: Call, tunes: Path) -> None:
    common = ("study", "odyssey", "--data", tunes, "--epochs", 1, "--cells", "vanilla", "--factorial")
    done = call(*common, "--trials", 2)
    assert done.code == 0, done.err
    assert "gates_none" in done.out and "input gate x forget gate x output gate" in done.out
    document = json.loads(call(*common, "--trials", 2, "--json").out)
    assert len(document["rows"]) == 8 and [effect["gates"] for effect in document["gates"]][3:] == [
        "if",
        "io",
        "fo",
        "ifo",
    ]
    assert "fewer than two trials" in call(*common, "--trials", 1).err


def test_without_scikit_learn_it_is_said_how_to_have_it(
    call: Call, tunes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    done = call("study", "odyssey", "--data", tunes, "--importance")
    assert done.code == 2 and "pip install archsearch[studies]" in done.err


@pytest.mark.parametrize(
    "arguments, said",
    [
        ([], "Missing option '--data'"),
        (["--data", "."], "jsb_chorales.npz is missing; --data takes a folder"),
        (["--data", ".", "--on", "jsb"], "--on jsb: no such set; there are jsb_chorales,"),
        (["--data", ".", "--cells", "vanila"], "did you mean 'vanilla'"),
        (["--data", ".", "--figure", "boxes.docx"], "--figure boxes.docx: no format by that ending"),
        (["--data", ".", "--marginals", "x/m.svg"], "--marginals x/m.svg: no folder x"),
    ],
)
def test_wrong_use_is_said_before_anything_is_trained(call: Call, arguments: list[str], said: str) -> None:
    done = call("study", "odyssey", *arguments)
    assert done.code == 2 and said in done.err, done


def test_two_cells_of_one_name_are_told_apart(call: Call, tunes: Path) -> None:
    (tunes / "mine.cell").write_text("cell gru(x, h):\n    h' = tanh(linear(x) + linear(h))\n")
    done = call(
        "study",
        "odyssey",
        "--data",
        tunes,
        "--epochs",
        1,
        "--trials",
        1,
        "--cells",
        "gru,mine.cell",
        "--json",
    )
    assert [row["cell"] for row in json.loads(done.out)["rows"]] == ["gru", "gru (mine.cell)"]


def test_the_panel_has_the_paper_s_table_beside(
    call: Call, tunes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(music.MUSIC, "nottingham", COUNTS)
    (tunes / "jsb_chorales.npz").rename(tunes / "nottingham.npz")
    common = ("study", "panel", "--data", tunes, "--epochs", 1, "--trials", 2, "--cells", "tanh_rnn,gru,np")
    done = call(*common, "--columns", "nottingham,nottingham-dropout")
    assert done.code == 0, done.err
    assert "nottingham-dropout" in done.out and "3.612" in done.out and "3.427" in done.out
    assert "nottingham, gru: 2 of 6 trials" in done.err
    document = json.loads(call(*common, "--columns", "nottingham", "--json").out)
    assert [row["paper"] for row in document["rows"]] == [3.612, 3.410, None] and document["tau"] == {
        "nottingham": None
    }
    wrong = call(*common, "--columns", "muse_data")
    assert wrong.code == 2 and "no column 'muse_data'" in wrong.err
