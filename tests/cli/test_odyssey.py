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
        {"epochs": 1, "patience": 5, "loss": "mean", "dropout": False, "place": "outputs"},
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
    assert "in pairs" in done.out and "Of several: what they do together" in done.err
    document = json.loads(call(*common, "--trials", 2, "--json").out)
    assert len(document["rows"]) == 8 and [effect["name"] for effect in document["gates"]][3:] == [
        "if",
        "io",
        "fo",
        "ifo",
    ]
    assert "fewer than two trials" in call(*common, "--trials", 1).err


def test_norm_and_the_place_of_dropout_are_told_as_factors_of_the_same_settings(
    call: Call, tunes: Path
) -> None:
    common = ("study", "odyssey", "--data", tunes, "--epochs", 1, "--cells", "tanh_rnn", "--folder", "kept")
    done = call(*common, "--trials", 2, "--factors", "norm,dropout", "--json")
    assert done.code == 0, done.err
    effects = json.loads(done.out)["factors"]
    assert [effect["name"] for effect in effects][:4] == [
        "norm",
        *(f"dropout {p}" for p in ("inputs", "outputs", "both")),
    ]
    assert {effect["pairs"] for effect in effects} == {2} and len(effects) == 7
    kept = [path.read_text().splitlines() for path in Path("kept").iterdir()]
    assert len(kept) == 8, "two forms of the cell, four places"
    settings = [[json.loads(line)["setting"] for line in lines] for lines in kept]
    assert all(of == settings[0] for of in settings) and settings[0][0] != settings[0][1]
    told = call(*common, "--trials", 2, "--factors", "norm")
    assert "in pairs" in told.out and "norm" in told.out.splitlines()[-1]


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
        (
            ["--data", ".", "--factors", "norm,gain"],
            "--factors norm,gain: no factor 'gain'; there are norm, dropout",
        ),
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


@pytest.mark.slow
def test_the_first_table_of_the_panel_is_trained_as_a_preset_says(call: Call) -> None:
    brief = [
        f"tasks.{task}.{key}"
        for task in ("arithmetic", "xml")
        for key in ("steps=20", "epoch_steps=20", "rungs=[]")
    ]
    done = call(
        *("study", "panel", "--tables", 1, "--cells", "tanh_rnn", "--settings", 1, "--workers", 1),
        *(word for change in brief for word in ("--set", change)),
    )
    assert done.code == 0, done.err
    (title, row) = done.out.splitlines()
    assert title.split()[:2] == ["cell", "arithmetic"] and "ptb" not in title and "0.295" in row
    assert (
        "no ptb data found" in done.err
        and "xml: xml:small, settings: 1, parameters: 10,000, steps: 20" in done.err
    )


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--tables", "4"], "--tables 4: no table '4'; there are 1, 2, 3"),
        ([], "--tables 2: table 2 needs --data DIR, a folder with nottingham.npz"),
        (["--tables", "1,3"], "--tables 1,3: table 3 needs --data DIR, a folder with ptb.train.txt"),
        (["--tables", "3", "--data", "."], "ptb.train.txt"),
        (["--tables", "1", "--preset", "quik"], "did you mean 'quick'"),
    ],
)
def test_wrong_use_of_the_panel_is_said(call: Call, arguments: list[str], said: str) -> None:
    done = call("study", "panel", *arguments)
    assert done.code == 2 and said in done.err, done
