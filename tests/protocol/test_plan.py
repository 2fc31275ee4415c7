"""A run's plan: its trials, its settings under either rule, and who is too narrow."""

import pytest
from msgspec.structs import replace

from archsearch.cell import Cell, library
from archsearch.errors import PresetError
from archsearch.protocol.checks import plan_faults
from archsearch.protocol.units import SMALLEST, smallest_budget, units
from tests.helpers.plans import FACTS, GRID, GRU, MEMORY, preset, run_plan, task_plan


def test_a_trial_says_what_its_task_and_preset_say() -> None:
    plan = run_plan()
    trial = plan.trial("c1", "xml", plan.settings["xml"][0], init_draw=2)
    assert (trial.task, trial.data, trial.measure) == ("xml:small", "xml", "accuracy")
    assert (trial.steps, trial.epoch_steps, trial.validation, trial.batch, trial.unroll) == (
        20,
        10,
        2,
        20,
        35,
    )
    assert (trial.seed, trial.init_draw, trial.stop_at, trial.schedule) == (0, 2, None, "constant")


def test_trials_do_not_depend_on_the_run_seed_strategy_or_other_tasks() -> None:
    one, other = run_plan(seed=1), run_plan(seed=2, strategy="random", tasks={"xml": task_plan()})
    assert one.settings["xml"] == other.settings["xml"]
    for setting in one.settings["xml"]:
        assert one.trial(GRU, "xml", setting).key == other.trial(GRU, "xml", setting).key


def test_a_filter_trial_ends_at_the_threshold() -> None:
    plan = run_plan()
    setting = plan.filter_setting("c1", 0)
    assert setting is not None
    trial = plan.filter_trial("c1", setting)
    assert (trial.stop_at, trial.measure, trial.setting.budget, trial.task) == (
        0.95,
        "accuracy",
        5_000,
        "memorization:small",
    )


def test_under_paired_there_are_g_settings_and_under_published_the_whole_grid() -> None:
    tasks = {"xml": task_plan(budget=(10_000, 20_000))}
    assert len(run_plan(tasks=tasks).settings["xml"]) == 6
    assert list(run_plan(tasks=tasks, rule="published").settings["xml"]) == GRID.all((10_000, 20_000))


def test_under_paired_all_cells_meet_the_filter_settings_in_one_order() -> None:
    plan = run_plan(tries=3)
    lists = {tuple(plan.filter_setting(cell, tries) for tries in range(4)) for cell in ("c1", "c2", "c3")}
    assert len(lists) == 1
    (settings,) = lists
    assert settings[3] is None and len({*settings}) == 4


def test_under_published_each_cell_has_its_own_order_of_filter_settings() -> None:
    """The paper draws one at random; one bad setting in front of all cells would stop a search."""
    plan = run_plan(tries=12, rule="published")
    lists = [tuple(plan.filter_setting(f"c{i}", tries) for tries in range(13)) for i in range(30)]
    assert len(set(lists)) == 30 and len({settings[0] for settings in lists}) > 6
    for settings in lists:
        assert settings[12] is None and set(settings[:12]) == set(GRID.all((5_000,)))


def test_the_skill_is_0_at_the_floor_and_1_at_the_ceiling() -> None:
    plan = run_plan(given=preset({task: task_plan() for task in FACTS}))
    for task, facts in FACTS.items():
        assert plan.skill(task, facts.floor) == 0
        assert plan.skill(task, facts.ceiling) == pytest.approx(1)


def test_a_cell_is_too_narrow_under_the_least_budget_and_the_most_layers() -> None:
    gru = library.load("gru")
    grid = type(GRID)(GRID.optimiser, GRID.rate, GRID.scale, GRID.clip, (1, 3))
    least = smallest_budget(gru, FACTS["arithmetic"].symbols, 3)
    assert units(gru, 40, 3, least) == SMALLEST and units(gru, 40, 3, least - 1) < SMALLEST
    for budget, fits in ((least, True), (least - 1, False)):
        plan = run_plan(tasks={"arithmetic": task_plan(budget=(budget, 100_000))}, grid=grid)
        assert (plan.too_narrow(gru) is None) == fits
    with pytest.raises(
        PresetError, match=rf"preset small: cell gru has 7 units on arithmetic .* a budget of {least:,}"
    ):
        plan.check_references({"gru": gru})


def test_the_filter_can_be_too_small_too() -> None:
    large = Cell.parse("cell wide(x, h):\n    h' = " + " + ".join(["tanh(linear(x) + linear(h))"] * 50))
    assert "memorization:small within a budget of 5,000" in (run_plan().too_narrow(large) or "")


@pytest.mark.parametrize("file", ["evil.py:T", "text:song.txt"])
def test_the_filter_of_a_plan_is_no_file(file: str) -> None:
    plan, task = run_plan(), replace(MEMORY, name=file)
    assert not list(plan_faults(plan))
    assert list(plan_faults(replace(plan, filter=task))) == [f"{file}: the filter is a file"]
    rules = replace(plan.preset, filter=replace(plan.preset.filter, task=file))
    assert any("filter.task: no task" in fault for fault in plan_faults(replace(plan, preset=rules)))
