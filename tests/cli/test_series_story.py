"""A table of numbers from the first step of a search to a verdict."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.helpers.commands import TINY, Call, program
from tests.helpers.models import gusts


def waves(folder: Path) -> Path:
    path = folder / "waves.csv"
    rows = (f"{math.sin(step / 5):.5f},{math.cos(step / 3) + step % 2:.5f}\n" for step in range(1_500))
    path.write_text("level,flow\n" + "".join(rows))
    return path


@pytest.mark.slow
def test_a_series_is_searched_resumed_replayed_and_judged(tmp_path: Path) -> None:
    task = f"series:{waves(tmp_path)}"
    where = ("--runs", tmp_path, "--workers", 1)
    begun = program("evolve", "--preset", TINY, "--tasks", task, "--run", "w", "--max-candidates", 2, *where)
    assert begun.code == 0 and "squared error" in begun.out, begun.err
    ended = program("evolve", "--run", "w", "--max-candidates", 3, *where)
    assert ended.code == 0, ended.err
    replayed = program("replay", "w", "--top", 1, *where)
    assert replayed.code == 0 and "bit for bit" in replayed.out, replayed.err
    claim = ("judge", "lstm", "gru", "--preset", TINY, "--task", task, "--pairs", 1, *where)
    judged = program(*claim)
    assert judged.code == 0 and "is a file and has no fresh data" in judged.out + judged.err, judged


@pytest.mark.slow
def test_a_series_told_with_its_variance_is_searched_replayed_judged_fitted_and_exported(
    tmp_path: Path,
) -> None:
    task, where = f"series:{gusts(tmp_path)}?target=wind&loss=nll", ("--runs", tmp_path, "--workers", 1)
    longer = ("--set", "own.steps=60", "--set", "own.epoch_steps=20")
    searched = program(
        "evolve", "--preset", TINY, "--tasks", task, "--run", "g", "--max-candidates", 3, *longer, *where
    )
    assert searched.code == 0 and "nats in gusts.csv" in searched.out, searched.err
    replayed = program("replay", "g", "--top", 1, *where)
    assert replayed.code == 0 and "bit for bit" in replayed.out, replayed.err
    trained = program("train", "lstm", "--preset", TINY, "--task", task, "--settings", 2, "--workers", 1)
    assert trained.code == 0 and "ceiling -5.989" in trained.out, trained.err
    judged = program("judge", "lstm", "gru", "--preset", TINY, "--task", task, "--pairs", 1, *where)
    assert judged.code == 0, judged.err
    model = tmp_path / "model"
    fitted = program("fit", "g/1", "--task", task, "--steps", 40, "--runs", tmp_path, "-o", model)
    assert fitted.code == 0 and "(nats a step; floor " in fitted.out, fitted.err
    written = program("export", model, "-o", tmp_path / "model.pt2")
    assert written.code == 0, written.err


@pytest.mark.slow
def test_a_table_with_a_gap_is_one_line_before_anything_is_trained(call: Call, tmp_path: Path) -> None:
    path = waves(tmp_path)
    path.write_text(path.read_text().replace("0.00000,", ",", 1))
    done = call("train", "lstm", "--preset", TINY, "--task", f"series:{path}", "--workers", "1")
    assert (
        done.code == 2
        and "waves.csv:2: column 1 ('level') is missing" in done.err
        and done.err.count("\n") == 1
    )
