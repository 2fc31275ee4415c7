"""The first steps of a cell at the corners of the grid, alone and stacked, say where it diverges."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from archsearch.actions.stability import LOW_RATES, STEPS, UNSTACKED, probes, stability
from archsearch.cell import library
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.settings import OwnGrid
from tests.helpers.plans import GRID, done, preset, run_plan, task_plan

PLAN = run_plan()
CELL = library.load("mut1")
PROBES = probes(PLAN, CELL)
DIVERGED = Outcome("diverged", reason="loss nan at step 70")


def flags(diverges: Callable[[Trial], bool]) -> list[str]:
    """Return the flags of a cell that diverges in such probes."""
    outcomes = {trial: DIVERGED if diverges(trial) else done(0.5) for trial in PROBES}
    return stability(PROBES, outcomes).flags


def test_a_probe_is_a_short_trial_at_every_corner_of_rate_and_scale_with_one_and_two_layers() -> None:
    corners = {
        (trial.task, trial.setting.layers, trial.setting.rate, trial.setting.scale) for trial in PROBES
    }
    assert len(PROBES) == len(corners) == 16
    assert {rate for _, _, rate, _ in corners} == {min(GRID.rate), max(GRID.rate)}
    assert {(trial.steps, trial.epoch_steps, trial.validation) for trial in PROBES} == {(STEPS, STEPS, 1)}


def test_layers_that_would_be_too_narrow_are_not_probed() -> None:
    small = run_plan(preset({"xml": task_plan(budget=700)}))
    assert {trial.setting.layers for trial in probes(small, CELL)} == {1}


@pytest.mark.parametrize(
    ("diverges", "said"),
    [
        (lambda trial: False, []),
        (lambda trial: trial.setting.layers == 2, [UNSTACKED]),
        (lambda trial: trial.setting.layers == 2 and trial.setting.rate == max(GRID.rate), [UNSTACKED]),
        (lambda trial: trial.setting.layers == 1 and trial.setting.rate == min(GRID.rate), [LOW_RATES]),
        (lambda trial: trial.setting.layers == 1 and trial.setting.rate == max(GRID.rate), []),
        (lambda trial: trial.setting.rate == min(GRID.rate), [UNSTACKED, LOW_RATES]),
    ],
)
def test_flags_say_what_diverges(diverges: Callable[[Trial], bool], said: list[str]) -> None:
    assert flags(diverges) == said


def test_one_corner_of_four_with_two_layers_is_no_flag() -> None:
    corner = next(trial for trial in PROBES if trial.setting.layers == 2)
    assert flags(lambda trial: trial == corner) == []


def test_half_of_the_corners_of_one_task_are_a_flag_whatever_the_other_task_does() -> None:
    assert flags(lambda trial: trial.setting.layers == 2 and trial.task.startswith("xml")) == [UNSTACKED]


def test_what_the_host_ended_or_what_never_ended_says_nothing_of_the_cell() -> None:
    crashed = dict.fromkeys(PROBES, Outcome("crashed"))
    assert stability(PROBES, crashed).flags == stability(PROBES, {}).flags == []
    counts = stability(PROBES, {**crashed, PROBES[0]: DIVERGED}).as_document()["layers"]
    assert counts == {"1": {"diverged": 1, "probes": 1}, "2": {"diverged": 0, "probes": 0}}


def test_low_rates_are_those_of_each_task_s_own_grid() -> None:
    high = OwnGrid(rate=(0.1, 0.3))
    plan = run_plan(preset({"arithmetic": task_plan(), "xml": task_plan(grid=high)}))
    trials = probes(plan, CELL)

    def said(rate: float) -> list[str]:
        outcomes = {
            trial: DIVERGED if (trial.setting.layers, trial.setting.rate) == (1, rate) else done(0.5)
            for trial in trials
        }
        return stability(trials, outcomes).flags

    assert said(0.1) == said(min(GRID.rate)) == [LOW_RATES]
    assert said(0.3) == said(max(GRID.rate)) == []
