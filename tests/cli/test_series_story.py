"""A table of numbers from the first step of a search to a verdict."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.helpers.commands import TINY, Call, program


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
def test_a_table_with_a_gap_is_one_line_before_anything_is_trained(call: Call, tmp_path: Path) -> None:
    path = waves(tmp_path)
    path.write_text(path.read_text().replace("0.00000,", ",", 1))
    done = call("train", "lstm", "--preset", TINY, "--task", f"series:{path}", "--workers", "1")
    assert (
        done.code == 2
        and "waves.csv:2: column 1 ('level') is missing" in done.err
        and done.err.count("\n") == 1
    )
