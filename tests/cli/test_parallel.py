"""`archsearch study parallel`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.commands import Call

SMALL = ("--cells", "mingru", "--lengths", "16,8", "--steps", "2", "--draws", "1", "--budget", "600")


def test_the_study_prints_draws_and_keeps_newton_steps_before_and_after_training(
    call: Call, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    picture, drawn = tmp_path / "parallel.svg", tmp_path / "map.svg"
    done = call("study", "parallel", *SMALL, "--folder", tmp_path, "--figure", picture, "--map", drawn)
    assert done.code == 0 and "T=16" in done.out and "trained" in done.out
    assert "after training" in picture.read_text() and "ten times as long" in drawn.read_text()
    said = json.loads(call("study", "parallel", *SMALL, "--folder", tmp_path, "--json").out)
    (row,) = said["rows"]
    assert (said["task"], said["most"], row["cell"], row["jacobian"]) == (
        "s3",
        64,
        "mingru",
        "diagonal, affine",
    )
    assert row["before"]["steps"] == row["after"]["steps"] == {"8": 1, "16": 1}
    assert said["front"] == ["mingru"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lengths", "1,64"], "--lengths 1,64: whole numbers from 2 to 16,384"),
        (["--lengths", "long"], "--lengths long: whole numbers"),
        (["--lengths", ""], "--lengths : whole numbers"),
        (["--rate", "nan"], "--rate nan: it is a positive number"),
        (["--task", "english"], "no task with a length 'english'"),
        (["--cells", "no_such"], "no_such"),
        (["--cells", "gru,lstm_1997"], "keeps gradients of its state back"),
        (["--figure", "steps.xyz"], "no format by that ending"),
        (["--map", "steps.xyz"], "--map steps.xyz: no format by that ending"),
        (
            ["--map", "map.svg", "--steps", "0"],
            "--map draws what trained cells can do, and --steps 0 trains none",
        ),
    ],
)
def test_wrong_use_of_the_study_is_said(call: Call, arguments: list[str], said: str) -> None:
    if {"--figure", "--map"} & set(arguments):
        pytest.importorskip("matplotlib")
    done = call("study", "parallel", *arguments)
    assert done.code == 2 and said in done.err and "Traceback" not in done.err
