"""The study of the instrument: skills, noise, resolution, cost and rank agreement, from trials whose ends are known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.protocol.records import Outcome, Trial, Validation
from archsearch.studies.instrument import StudyPlan
from archsearch.studies.measured import MeasuredTask, measured_tasks
from archsearch.studies.table1 import TABLE_1
from tests.helpers.plans import FACTS, chance, preset, run_plan, task_plan

RUN = run_plan(preset({"xml": task_plan(steps=40, epoch_steps=10)}))
CELLS = {name: library.load(name) for name in TABLE_1}
PLAN = StudyPlan(RUN, CELLS, 2, 3)
NAMES = {cell.id: name for name, cell in CELLS.items()}
SECONDS = {name: 4.0 if name == "lstm" else 2.0 for name in CELLS}


def ended(trial: Trial, noise: float) -> Outcome:
    """Return a trial that learns evenly towards the paper's own ranks."""
    rank = sorted(TABLE_1, key=lambda name: TABLE_1[name][1]).index(NAMES[trial.cell])
    final = 0.1 + 0.05 * rank + noise * (chance("luck", trial.cell, trial.init_draw) - 0.5)
    facts = FACTS["xml"]
    points = tuple(
        Validation(step, facts.floor + final * step / 40 * (facts.ceiling - facts.floor), 1.0)
        for step in (10, 20, 30, 40)
    )
    units = 20 if NAMES[trial.cell] != "tanh_rnn" else 40
    return Outcome(
        "done", points[-1].accuracy, steps=40, units=units, curve=points, seconds=SECONDS[NAMES[trial.cell]]
    )


@cache
def measured(noise: float) -> MeasuredTask:
    trials = [trial for cell in NAMES for draw in PLAN.trials(cell, "xml") for trial in draw]
    (found,) = measured_tasks(PLAN, {trial: ended(trial, noise) for trial in trials})
    return found


def test_cells_come_best_first_with_their_ratio_to_the_gru() -> None:
    found = measured(0.02)
    assert [row.cell for row in found.cells][:3] == ["mut1", "mut2", "mut3"]
    rows = {row.cell: row for row in found.cells}
    assert rows["gru"].ratio == 1.0 and rows["mut1"].ratio == pytest.approx(
        rows["mut1"].skill / rows["gru"].skill
    )  # type: ignore[operator]


def test_resolution_is_the_spread_between_cells_over_that_between_draws() -> None:
    resolution = measured(0.02).resolution
    assert [at.steps for at in resolution] == [10, 20, 30, 40]
    last = resolution[-1]
    assert last.between is not None and last.within is not None and last.gru is not None
    assert last.between == pytest.approx(0.05 * np.std(range(10), ddof=1), rel=0.1)
    assert last.within == pytest.approx(0.02 / 12**0.5, rel=0.5)
    assert last.among_learners is not None and last.resolution is not None
    assert last.among_learners < last.resolution, "cells that learn nothing are told from others with ease"
    assert last.resolution == pytest.approx(last.between / last.within)
    assert resolution[1].gru == pytest.approx(last.gru / 2)


def test_ranks_like_the_papers_agree_with_it_and_noise_widens_the_band() -> None:
    sure, unsure = measured(0.0), measured(2.0)
    assert sure.tau == pytest.approx(1.0) and sure.tau_low == pytest.approx(1.0)
    assert (
        unsure.tau_low is not None and unsure.tau_high is not None and unsure.tau_high - unsure.tau_low > 0.3
    )


def test_equal_cost_takes_the_skill_that_a_cell_had_when_the_cheapest_was_done() -> None:
    rows = {row.cell: row for row in measured(0.0).cells}
    assert rows["lstm"].milliseconds == pytest.approx(2 * rows["gru"].milliseconds)
    assert rows["lstm"].equal_time == pytest.approx(rows["lstm"].skill / 2)  # type: ignore[operator]
    assert rows["gru"].equal_time == rows["gru"].skill
    assert rows["gru"].flops == 3 * 2 * 20 * 35 * (6 * 20**2 + 20 * 9), (
        "six matrices, and an output layer of 9 symbols"
    )
    cheapest = min(rows.values(), key=lambda row: row.flops)
    assert cheapest.equal_flops == cheapest.skill
    epochs = int(cheapest.flops * 40 / rows["lstm"].flops) // 10
    assert 1 <= epochs < 4 and rows["lstm"].equal_flops == pytest.approx(rows["lstm"].skill * epochs / 4)  # type: ignore[operator]


def test_a_cell_that_diverges_on_one_draw_has_no_skill() -> None:
    trials = [trial for cell in NAMES for draw in PLAN.trials(cell, "xml") for trial in draw]
    ends = {trial: ended(trial, 0.0) for trial in trials}
    for trial in PLAN.trials(CELLS["lstm"].id, "xml")[1]:
        ends[trial] = replace(ends[trial], status="diverged", score=None)
    (found,) = measured_tasks(PLAN, ends)
    assert found.cells[-1].cell == "lstm" and found.cells[-1].skill is None


def test_the_skill_under_each_rate_is_told_with_the_best_one() -> None:
    for row in measured(0.02).cells:
        assert set(row.rates) <= {"0.003", "0.01", "0.03"} and len(row.rates) == 2
        assert row.best_rate is not None and row.rates[row.best_rate] == max(filter(None, row.rates.values()))
