"""A task may draw its settings from a grid of its own: the preset's, but for what its table says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from archsearch.actions.stability import probes
from archsearch.cell import library
from archsearch.errors import PresetError
from archsearch.protocol.checks import faults, plan_faults
from archsearch.protocol.claims import Claim
from archsearch.protocol.equality import kinds
from archsearch.protocol.ladder import rules_of
from archsearch.protocol.loading import changed_preset, load_preset
from archsearch.protocol.plan import PlannedTask, RunPlan
from archsearch.protocol.preset import Preset
from archsearch.protocol.settings import OwnGrid
from archsearch.resources import grammars
from archsearch.store import RunStore, make_run
from tests.helpers.in_process import search_on
from tests.helpers.plans import FACTS, GRID, GRU, TASK, preset, run_plan, task_plan
from tests.helpers.searches import rows

LOW = OwnGrid(rate=(0.001, 0.002), layers=(1, 2))
SIZED = "xml@30k"


def ladder(own: OwnGrid = LOW) -> RunPlan:
    """Return a plan with xml at 10,000 parameters, and at 30,000 with a grid of its own."""
    rules = preset({"xml": task_plan(k=1), SIZED: task_plan(budget=30_000, grid=own, k=1)})
    plan = run_plan(replace(rules, search=replace(rules.search, tasks=("xml",))))
    return replace(plan, tasks=(*plan.tasks, PlannedTask(SIZED, FACTS["xml"], rules.tasks[SIZED])))


def test_settings_are_drawn_from_the_task_s_own_rates_and_from_the_preset_s_axes_else() -> None:
    plan = ladder()
    assert {setting.rate for setting in plan.settings["xml"]} == set(GRID.rate)
    own = plan.settings[SIZED]
    assert {setting.rate for setting in own} == {0.001, 0.002}
    assert {setting.clip for setting in own} <= set(GRID.clip) and {s.optimiser for s in own} == {"adamw"}
    assert {setting.rate for setting in plan.noise_settings(plan.task[SIZED])} <= {0.001, 0.002}


def test_a_search_trains_each_size_under_its_own_grid_which_its_records_hold(tmp_path: Path) -> None:
    make_run(tmp_path / "run", ladder())
    search_on(tmp_path / "run", 12)
    with RunStore.open(tmp_path / "run") as store:
        assert store.facts.plan.task[SIZED].rules.grid == LOW
    records: list[Any] = rows(tmp_path / "run", "SELECT record FROM trials WHERE task LIKE 'xml%'")
    trials = [msgspec.json.decode(record, type=dict)["setting"] for (record,) in records]
    rates = {budget: {rate for _, rate, *_, b, _ in trials if b == budget} for budget in (10_000, 30_000)}
    assert rates == {10_000: set(GRID.rate), 30_000: {0.001, 0.002}}


def test_pairs_probes_and_terms_follow_the_own_grid() -> None:
    plan = ladder()
    claim = Claim.of(plan, library.load("mut1").id, GRU, 4)
    drawn = {task.name: {s.rate for s in claim.drawn(task, 1)} for task in claim.tasks}
    assert drawn["xml"] == set(GRID.rate) and drawn[SIZED] == {0.001, 0.002}
    probed = {
        trial.setting.rate for trial in probes(plan, library.load("mut1")) if trial.setting.budget == 30_000
    }
    assert probed == {0.001, 0.002}
    assert kinds(plan) == [("xml", 1, 10_000), (SIZED, 1, 30_000), (SIZED, 2, 30_000)]


def test_a_cell_is_as_narrow_as_the_most_layers_of_the_task_make_it() -> None:
    assert ladder().too_narrow(library.load("gru")) is None
    deep = ladder(OwnGrid(layers=(100,))).too_narrow(library.load("gru"))
    assert deep is not None and f"units on {SIZED} " in deep


def test_rules_without_a_grid_have_the_bytes_that_they_had_before_there_were_such() -> None:
    assert "grid" not in json.loads(msgspec.json.encode(TASK))
    assert msgspec.json.decode(msgspec.json.encode(ladder()), type=RunPlan) == ladder()


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (OwnGrid(rate=()), f"tasks.{SIZED}.grid.rate: it needs at least one value, and none twice"),
        (OwnGrid(scale=(-1.0,)), f"tasks.{SIZED}.grid: rates, scales, clips and layers are positive"),
        (OwnGrid(layers=(101,)), f"tasks.{SIZED}.grid.layers is 101; it must be at most 100"),
    ],
)
def test_faults_name_the_key_of_the_own_grid(own: OwnGrid, said: str) -> None:
    assert said in list(faults(ladder(own).preset))
    assert f"{said.removeprefix('tasks.')}" in list(plan_faults(ladder(own)))


# -- files and --set ------------------------------------------------------------------------------------------------


def quick(*more: str, folder: Path) -> Preset:
    """Return the quick preset from a file with more lines at its end."""
    text = (grammars() / "presets" / "quick.toml").read_text(encoding="utf-8")
    (folder / "mine.toml").write_text("\n".join((text, *more)), encoding="utf-8")
    return load_preset(str(folder / "mine.toml"))[1]


def test_a_table_of_a_size_says_what_is_other_than_in_its_base(tmp_path: Path) -> None:
    given = quick('[tasks."arithmetic@30k".grid]', "rate = [0.003, 0.01]", folder=tmp_path)
    by_itself = rules_of(quick(folder=tmp_path), "arithmetic@30k")
    assert by_itself is not None
    assert given.tasks["arithmetic@30k"] == replace(by_itself, grid=OwnGrid(rate=(0.003, 0.01)))


def test_a_size_has_the_axes_of_its_base_s_own_grid_but_for_those_that_it_says(tmp_path: Path) -> None:
    given = quick(
        "[tasks.arithmetic.grid]",
        "rate = [0.1]",
        "clip = [2.0]",
        '[tasks."arithmetic@30k".grid]',
        "rate = [0.05]",
        folder=tmp_path,
    )
    assert given.tasks["arithmetic@30k"].grid == OwnGrid(rate=(0.05,), clip=(2.0,))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (('[tasks."html@30k".grid]', "rate = [0.1]"), "tasks.… lacks the key"),
        (
            ('[tasks."xml@30k".grid]', "rates = [0.1]"),
            r"tasks.….grid has an unknown key `rates`.*'rate'",
        ),
        (('[tasks."xml@30k"]', "grid = 3"), r"tasks.….grid is a whole number; it must be a table"),
        (
            ('[tasks."xml@3x".grid]', "rate = [0.1]"),
            r"mine.toml: task 'xml@3x': '3x' is no number of parameters",
        ),
    ],
)
def test_a_table_of_a_size_that_says_nothing_that_there_is_is_refused(
    lines: tuple[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(PresetError, match=said):
        quick(*lines, folder=tmp_path)


@pytest.mark.parametrize("wrong", ["epoch_steps = 0", "budget = 0", "budget = []", f"steps = 1{'0' * 400}"])
def test_a_base_with_a_fault_of_its_own_is_refused(wrong: str, tmp_path: Path) -> None:
    key = wrong.partition(" ")[0]
    base = {
        "difficulty": '"small"',
        "budget": 9,
        "steps": 9,
        "epoch_steps": 3,
        "validation": 2,
        "k": 1,
        "G": 2,
    }
    lines = [f"{name} = {value}" for name, value in base.items() if name != key]
    tables = [
        "[tasks.memorization]",
        wrong,
        "rungs = [3]",
        *lines,
        '[tasks."memorization@30k".grid]',
        "rate = [0.1]",
    ]
    with pytest.raises(PresetError, match="mine.toml: tasks"):
        quick(*tables, folder=tmp_path)


QUICK = load_preset("quick")[1]


def test_set_reaches_a_size_that_has_no_table_and_an_own_grid_that_is_not_there() -> None:
    changed = changed_preset("quick", QUICK, {"tasks.xml@30k.k": 2, "tasks.arithmetic.grid.rate": [0.02]})
    plain = rules_of(QUICK, "xml@30k")
    assert plain is not None and changed.tasks["xml@30k"] == replace(plain, k=2)
    assert changed.tasks["arithmetic"].grid == OwnGrid(rate=(0.02,))
    assert list(changed.tasks)[: len(QUICK.tasks)] == list(QUICK.tasks)


def test_a_size_follows_its_base_whatever_is_said_first() -> None:
    says = {"tasks.xml@30k.gate": 0.0, "tasks.xml.validation": 7}
    for changes in (says, dict(reversed(says.items()))):
        assert changed_preset("quick", QUICK, changes).tasks["xml@30k"].validation == 7


def test_a_key_with_a_dot_stands_in_quotes() -> None:
    changed = changed_preset("quick", QUICK, {'tasks."xml@0.02m".gate': 0.0})
    assert changed.tasks["xml@0.02m"].budgets == (20_000,)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("tasks.html@30k.k", "a preset has no key 'tasks.html@30k.k'"),
        ("tasks.xml@3x.k", "'3x' is no number of parameters; write it as in xml@30k"),
        ("tasks.xml@30k.budget", "its name says 30,000 parameters, its budget 3; let them agree"),
        ("search.grid.rate", "search has an unknown key `grid`"),
    ],
)
def test_what_set_cannot_say_is_refused(key: str, said: str) -> None:
    with pytest.raises(PresetError, match=said):
        changed_preset("quick", QUICK, {key: 3})
