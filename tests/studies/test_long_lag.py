"""The study of long lags: runs are kept, and a row holds them beside the paper's."""

from __future__ import annotations

import math
import os
from pathlib import Path
from unittest.mock import Mock

import pytest
from msgspec.structs import replace

from archsearch.errors import InputError
from archsearch.studies import long_lag
from archsearch.studies.kept_lines import keep_line, kept_lines
from archsearch.studies.lags.pupils import MemoryPupil
from archsearch.studies.lags.training import TEST, LagRun, RunResult
from archsearch.studies.long_lag import check_experiments, lag_row, run_experiment

RUN = RunResult("6a", 0, True, 30_000, None, 5, 0.02, 1.0)


class Told:
    """In a run's place: solves after 1,000 sequences for each seed, if the limit allows.

    Attributes:
        trained: The seeds that were trained, in order.
    """

    trained: list[int] = []

    def __init__(self, name: str, seed: int, cell: object, variant: object) -> None:
        self.name, self.seed = name, seed

    def train(self, most: int, counted: object) -> RunResult:
        """Return what becomes of it."""
        self.trained.append(self.seed)
        needed = 1_000 * (self.seed + 1)
        return RunResult(self.name, self.seed, needed <= most, min(needed, most), None, 5, 0.02, 1.0)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> type[Told]:
    monkeypatch.setattr(long_lag, "LagRun", Told)
    Told.trained = []
    return Told


def test_runs_that_have_ended_are_not_run_again(told: type[Told], tmp_path: Path) -> None:
    first = run_experiment("6a", range(2), tmp_path)
    longer = run_experiment("6a", range(3), tmp_path)
    assert longer[:2] == first and told.trained == [0, 1, 2]


def test_a_run_that_failed_under_another_limit_is_run_afresh(told: type[Told], tmp_path: Path) -> None:
    (failed,) = run_experiment("6a", [4], tmp_path, most=2_000)
    (solved,) = run_experiment("6a", [4], tmp_path, most=9_000)
    (again,) = run_experiment("6a", [4], tmp_path, most=3_000)
    assert (failed.solved, solved.solved, again.solved) == (False, True, False)
    assert told.trained == [4, 4, 4]
    assert run_experiment("6a", [4], tmp_path, most=3_000) == [again] and told.trained == [4, 4, 4]


def test_a_line_that_was_cut_short_is_run_again(told: type[Told], tmp_path: Path) -> None:
    run_experiment("6a", range(2), tmp_path)
    path = tmp_path / "6a.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    run_experiment("6a", range(2), tmp_path)
    assert told.trained == [0, 1, 1] and [run.seed for run in kept_lines(path, RunResult)] == [0, 1]


def test_an_interrupt_while_a_run_is_kept_loses_no_other(
    told: type[Told], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_experiment("6a", range(2), tmp_path)
    monkeypatch.setattr(os, "fsync", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run_experiment("6a", range(3), tmp_path)
    assert [run.seed for run in kept_lines(tmp_path / "6a.jsonl", RunResult)] == [0, 1]
    assert [path.name for path in tmp_path.iterdir()] == ["6a.jsonl"]


def test_a_run_whose_outputs_are_no_numbers_is_kept_like_any_other(tmp_path: Path) -> None:
    run = LagRun("6a", 0)
    assert isinstance(run.pupil, MemoryPupil)
    run.pupil.weights["out"][:] = math.nan
    failed = run.train(100)
    assert (failed.solved, failed.wrong, failed.error) == (False, TEST, None)
    keep_line(tmp_path / "6a.jsonl", failed)
    assert kept_lines(tmp_path / "6a.jsonl", RunResult) == [failed]


def test_a_file_that_is_another_s_is_named_and_left_alone(told: type[Told], tmp_path: Path) -> None:
    (tmp_path / "6a.jsonl").write_text("my notes\n")
    with pytest.raises(InputError, match=r"6a.jsonl:1: no run of this study.*move the file away"):
        run_experiment("6a", [0], tmp_path)
    assert (tmp_path / "6a.jsonl").read_text() == "my notes\n"


def test_runs_of_another_version_do_not_count(told: type[Told], tmp_path: Path) -> None:
    keep_line(tmp_path / "6a.jsonl", replace(RUN, version=0))
    run_experiment("6a", [RUN.seed], tmp_path)
    assert told.trained == [RUN.seed]


def test_a_row_counts_the_runs_that_met_the_criterion_alone() -> None:
    runs = [RUN, replace(RUN, seed=1, sequences=50_000), replace(RUN, seed=2, solved=False, wrong=2_560)]
    row = lag_row("6a", runs)
    assert (row.runs, row.solved, row.median, row.mean) == (3, 2, 40_000, 40_000)
    assert row.wrong == pytest.approx(5 / 2_560) and (row.paper, row.weights) == (31_390, 156)


def test_an_experiment_that_nobody_solves_has_no_figures() -> None:
    row = lag_row("6a", [replace(RUN, solved=False)])
    assert (row.solved, row.median, row.wrong) == (0, None, None)


def test_an_unknown_experiment_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no experiment 'rebel' \(did you mean 'reber'"):
        check_experiments(["6a", "rebel"])
