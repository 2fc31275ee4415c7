"""The references, their trials, and the check that the baseline has learned something."""

import pytest

from archsearch.cell import library
from archsearch.errors import ArchsearchError
from archsearch.protocol.records import Try
from archsearch.protocol.references import (
    check_baseline,
    noise_trials,
    reference_cells,
    reference_step,
    start_cells,
)
from tests.helpers.plans import FACTS, GRID, GRU, preset, run_plan, task_plan


def test_the_baseline_comes_first_and_each_id_once() -> None:
    plan = run_plan(start=("lstm", "gru"), references=("np", "lstm", "gru", "mut1"))
    assert list(reference_cells(plan)) == ["gru", "lstm", "mut1"]
    assert [cell.name for cell in start_cells(plan)] == ["lstm", "gru"]
    assert [cell.name for cell in start_cells(run_plan(start=("np", "gru", "lstm")))] == ["np", "gru"]


def test_under_paired_the_gru_has_g_settings_and_the_others_k() -> None:
    plan = run_plan()
    sizes = {
        name: [len(stage.settings) for stage in reference_step(plan, cell.id).stages]
        for name, cell in reference_cells(plan).items()
    }
    assert sizes == {"gru": [6, 6], "lstm": [2, 2], "mut1": [2, 2]}
    lstm = reference_step(plan, library.load("lstm").id)
    assert [stage.settings for stage in lstm.stages] == [settings[:2] for settings in plan.settings.values()]
    assert (lstm.kind, lstm.filter, lstm.gated) == ("start", None, False)


def test_under_published_every_reference_has_the_whole_grid() -> None:
    plan = run_plan(rule="published")
    for cell in reference_cells(plan).values():
        assert [len(stage.settings) for stage in reference_step(plan, cell.id).stages] == [12, 12]


def test_a_noise_draw_0_is_the_baseline_itself() -> None:
    plan = run_plan(noise_draws=2)
    for task, longest in noise_trials(plan, lambda trial: None).items():
        draws = [[each.trial for each in draw.values()] for draw in longest]
        assert [trial.setting for trial in draws[0]] == list(plan.settings[task][:2])
        assert draws[0] == [plan.trial(GRU, task, setting) for setting in plan.settings[task][:2]]
        assert [[trial.init_draw for trial in draw] for draw in draws] == [[0, 0], [1, 1], [2, 2]]
        assert {trial.seed for draw in draws for trial in draw} == {0}


def test_under_published_noise_is_measured_all_over_the_grid() -> None:
    """Not at its first k settings, which share their rate and their clip."""
    plan = run_plan(tasks={"xml": task_plan(k=3, G=12)}, rule="published")
    settings = list(noise_trials(plan, lambda trial: None)["xml"][1])
    assert sorted(setting.rate for setting in settings) == sorted(GRID.rate)
    assert set(settings) <= set(plan.settings["xml"])


def at_skill(task: str, skill: float) -> float:
    return FACTS[task].floor + skill * (FACTS[task].ceiling - FACTS[task].floor)


@pytest.mark.parametrize("task", FACTS)
def test_a_baseline_that_learned_nothing_stops_the_run(task: str) -> None:
    plan = run_plan(given=preset({task: task_plan(min_skill=0.05)}))
    for skill in (0.049, 0.051):
        settings = plan.settings[task]
        late = {settings[5]: Try(at_skill(task, 0.9), 20)}  # beyond s1..sk: candidates are not compared there
        baseline = {task: {s: Try(at_skill(task, skill), 20) for s in settings[:2]} | late}
        if skill > 0.05:
            check_baseline(plan, baseline)
            continue
        reached = rf"^{task}:small: the GRU reaches skill 0.049 \(score .*\) after 20 steps"
        message = rf"{reached}; .* from 0.05 on: raise its steps"
        with pytest.raises(ArchsearchError, match=message) as caught:
            check_baseline(plan, baseline)
        assert caught.value.exit_code == 1


def test_a_baseline_without_a_score_stops_the_run() -> None:
    plan = run_plan()
    baseline = {task: {s: Try(None, 20) for s in settings} for task, settings in plan.settings.items()}
    with pytest.raises(ArchsearchError, match="the GRU reaches no finite score after 20 steps"):
        check_baseline(plan, baseline)


def test_under_published_the_baseline_needs_a_tenth_more_than_chance() -> None:
    plan = run_plan(tasks={"xml": task_plan()}, rule="published")
    for raw, fine in ((1.09 / 9, False), (1.11 / 9, True)):
        baseline = {"xml": {plan.settings["xml"][7]: Try(raw, 20)}}
        if fine:
            check_baseline(plan, baseline)
        else:
            with pytest.raises(ArchsearchError, match="the GRU reaches skill 0.121 .score 0.1211."):
                check_baseline(plan, baseline)
