"""A fit ends in the same bytes whatever stops it meanwhile, chooses by validation alone, and says how it chose."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import archsearch
from archsearch.actions.fit import unfinished
from archsearch.actions.fit_course import Advance
from archsearch.cli.main import run_command
from archsearch.errors import ArchsearchError, InputError
from archsearch.training import fitting
from archsearch.training.loop import TrainingLoop
from tests.helpers.commands import TINY, Finished
from tests.helpers.models import book, contents, fitted, waves
from tests.helpers.sources import ROOT


class Stopped(Exception):
    """What stops a fit here."""


def stopping_at(step: int, doing: str) -> archsearch.actions.fit.Advanced:
    """Return a listener that stops a fit once a training has come so far."""

    def told(advance: Advance) -> None:
        if advance.doing.endswith(doing) and advance.step >= step:
            raise Stopped

    return told


def hearing(heard: list[Advance], doing: str) -> archsearch.actions.fit.Advanced:
    """Return a listener that keeps the first word of a training, and stops the fit there."""

    def told(advance: Advance) -> None:
        if advance.doing.endswith(doing):
            heard.append(advance)
            raise Stopped

    return told


def test_the_same_fit_writes_the_same_bytes_wherever_the_data_lie(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for folder in (tmp_path, tmp_path / "elsewhere"):
        fitted(f"text:{book(folder)}", folder / "model", seeds=2)
    assert contents(tmp_path / "model") == contents(tmp_path / "elsewhere" / "model")
    assert str(tmp_path).encode() not in b"".join(contents(tmp_path / "model").values())
    assert not unfinished(tmp_path / "model").exists()


@pytest.mark.parametrize("dropout", [0.0, pytest.param(0.3, marks=pytest.mark.slow)])
def test_a_fit_that_was_stopped_goes_on_and_writes_the_bytes_of_one_that_was_not(
    dropout: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "EVERY", 0.0)
    task = f"text:{book(tmp_path)}"
    options = {"steps": 60 if dropout else 120, "settings": 2, "seeds": 2, "dropout": dropout, "units": 3}
    fitted(task, tmp_path / "whole", **options)
    heard: list[Advance] = []
    for doing, step in (("setting 2 of 2", 1), ("draw 1 of 2", 60), ("draw 2 of 2", 60)):
        with pytest.raises(Stopped):
            fitted(task, tmp_path / "broken", progressed=stopping_at(step, doing), **options)
        assert not (tmp_path / "broken").exists() and unfinished(tmp_path / "broken").is_dir()
        heard.clear()
        with pytest.raises(Stopped):
            fitted(task, tmp_path / "broken", progressed=hearing(heard, doing), **options)
        assert step == 1 or heard[0].step > 40, "it goes on, not anew"
    fitted(task, tmp_path / "broken", **options)
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


@pytest.mark.slow
def test_a_fit_that_was_killed_goes_on_and_writes_the_same_bytes(tmp_path: Path) -> None:
    task = f"text:{book(tmp_path)}"
    fitted(task, tmp_path / "whole", steps=200)
    script = f"""
import os, signal
from archsearch.training import fitting
from tests.helpers.models import fitted
fitting.EVERY = 0.0
kill = lambda advance: advance.step >= 100 and os.kill(os.getpid(), signal.SIGKILL)
fitted({task!r}, {str(tmp_path / "killed")!r}, steps=200, progressed=kill)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, timeout=120)
    assert done.returncode == -signal.SIGKILL and not (tmp_path / "killed").exists()
    fitted(task, tmp_path / "killed", steps=200)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.parametrize("size", [{"units": 6}, {"units": None, "parameters": 900}, {"units": None}])
def test_the_command_on_the_card_trains_the_same_weights_again(
    size: dict[str, int | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fitted(f"text:{book(tmp_path)}", tmp_path / "model", settings=2, seeds=2, steps=20, **size)
    book(tmp_path / "model")
    monkeypatch.chdir(tmp_path / "model")
    program, *words = shlex.split(model.config.command)
    assert program == "archsearch"
    shutil.copy(TINY, "tiny.toml")  # no published preset, and the command says so by its ending
    assert run_command(words) == 0
    assert (tmp_path / "model/again/model.safetensors").read_bytes() == (
        tmp_path / "model/model.safetensors"
    ).read_bytes()


def test_the_best_of_several_draws_is_the_one_with_the_best_validation(tmp_path: Path) -> None:
    found = fitted(f"text:{book(tmp_path)}", seeds=3)
    rows = found.records()
    assert found.validation == min(row["validation"] for row in rows)
    assert [row["chosen"] for row in rows] == [row["validation"] == found.validation for row in rows]
    assert len({row["validation"] for row in rows}) == 3
    assert found.test == next(row["test"] for row in rows if row["chosen"])


def test_settings_are_compared_without_the_test_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_after: list[int] = []
    tested = TrainingLoop.tested
    monkeypatch.setattr(
        TrainingLoop, "tested", lambda loop: read_after.append(loop.trial.steps) or tested(loop)
    )
    found = fitted(f"text:{book(tmp_path)}", settings=3, steps=40)
    assert read_after == [40] and found.test == found.config.draws[0].outcome.test_nll


def test_training_ends_when_validation_has_not_improved_for_so_long(tmp_path: Path) -> None:
    found = fitted(f"series:{waves(tmp_path)}", steps=400, patience=2, rate=0.3)
    (row,) = found.records()
    assert row["steps"] == row["best_step"] + 2 * 20 < 400


def test_another_cell_beside_it_has_no_more_parameters_and_as_many_steps(tmp_path: Path) -> None:
    found = fitted(f"text:{book(tmp_path)}", tmp_path / "model", cell="mgu", beside="gru", units=9)
    document = found.as_document()
    beside = document["beside"]
    assert (document["cell"], beside["cell"]) == ("mgu", "gru")
    assert beside["parameters"] <= document["parameters"] and beside["units"] < 9
    assert beside["draws"][0]["steps"] == document["draws"][0]["steps"] == 40


def test_size_and_setting_are_what_was_said(tmp_path: Path) -> None:
    said = {"layers": 2, "rate": 0.02, "clip": 3.0, "scale": 0.5, "optimiser": "sgd"}
    config = fitted(f"text:{book(tmp_path)}", units=None, parameters=900, **said).config
    assert {name: getattr(config.setting, name) for name in said} == said
    assert config.layers == 2 and config.draws[0].outcome.parameters <= 900


@pytest.mark.slow
def test_a_cell_of_a_run_is_trained_under_the_setting_that_won_there(
    finished: Finished, tmp_path: Path
) -> None:
    run = archsearch.open_run(finished.folder)
    (row,) = run.leaderboard(top=1)[:1]
    found = archsearch.fit(
        "tiny-1/1", "english", tmp_path / "model", runs=finished.runs, steps=20, beside="gru"
    )
    assert found.config.setting.as_dict() == row["tasks"]["english"]["setting"]
    card = (tmp_path / "model" / "README.md").read_text()
    assert "In run tiny-1 (seed 0) it is rank 1" in card and "no verdict" in card


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"units": 5, "parameters": 900}, "units and parameters both say"),
        ({"units": 0}, "units 0: it lies between 1 and"),
        ({"rate": float("nan")}, "rate nan: it lies between"),
        ({"units": None, "parameters": 3}, "no unit within 3 parameters; one takes"),
        ({"seeds": 0}, "are at least 1"),
        ({"steps": 0}, "are at least 1"),
        ({"task": "engish"}, "did you mean 'english'"),
        ({"cell": "gruu"}, "did you mean 'gru'"),
        ({"folder": "."}, "name the folder"),
        ({"folder": "none/model"}, "make it first"),
        ({"device": "tpu"}, "is no device"),
    ],
)
def test_wrong_use_is_one_sentence_and_nothing_is_written(
    options: dict[str, object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"task": "english", "folder": Path(str(options.pop("folder", "model"))), **options}
    with pytest.raises(InputError, match=said):
        fitted(**given)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_cell_that_diverges_says_so_and_leaves_no_model(tmp_path: Path) -> None:
    (tmp_path / "wild.cell").write_text("cell wild(x, h):\n    h' = exp(exp(linear(x) + linear(h)))\n")
    with pytest.raises(ArchsearchError, match="its only training of 40 steps diverged"):
        fitted(f"text:{book(tmp_path)}", tmp_path / "model", cell=str(tmp_path / "wild.cell"), rate=50.0)
    assert not (tmp_path / "model").exists()


def test_torch_computes_as_before(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.set_flush_denormal(True)
    try:
        fitted(f"text:{book(tmp_path)}", steps=20)
        assert torch.get_num_threads() == 2 and float(torch.tensor(1e-40) * 1) == 0
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(False)
