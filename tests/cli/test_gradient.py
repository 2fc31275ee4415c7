"""`archsearch study gradient`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.commands import Call

SMALL = ("--cells", "tanh_rnn", "--lags", "10", "--sequences", "40", "--trials", "1", "--budget", "600")


def test_the_study_of_gradients_prints_and_draws_a_row_for_each_cell_and_lag(
    call: Call, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "gradient.svg"
    done = call("study", "gradient", *SMALL, "--folder", tmp_path, "--figure", picture)
    assert done.code == 0 and "of 1" in done.out and "trained at lag 10" in picture.read_text()
    (row,) = json.loads(call("study", "gradient", *SMALL, "--folder", tmp_path, "--json").out)["rows"]
    assert (row["cell"], row["lag"], row["runs"]) == ("tanh_rnn", 10, 1) and row["curve_before"]["30"] < 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lags", "5,100"], "--lags 5,100: whole numbers from 10 to 10,000"),
        (["--lags", "ten"], "--lags ten: whole numbers"),
        (["--scale", "0"], "--scale 0: it is a positive number"),
        (["--task", "xml"], "no task of a chosen lag 'xml'"),
        (["--cells", "no_such"], "no_such"),
    ],
)
def test_wrong_use_of_the_study_of_gradients_is_said(call: Call, arguments: list[str], said: str) -> None:
    done = call("study", "gradient", *arguments)
    assert done.code == 2 and said in done.err and "Traceback" not in done.err
