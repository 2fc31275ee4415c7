"""Children of a census are trained as a search would, up to the last gate, and counted by how far they come."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from archsearch.actions.census_trials import ChildTrials, Passes
from archsearch.actions.confirm_cost import Cost
from archsearch.cell import Cell, library
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Outcome, Trial
from tests.helpers.in_process import InstantPool
from tests.helpers.plans import FACTS, TASK, done, preset, run_plan, task_plan
from tests.helpers.searches import World
from tests.mutations.outcomes import cell

NAMES = ("lstm", "mgu", "ugrnn", "janet", "tanh_rnn", "mut1", "mut2")
CELLS = {name: library.load(name) for name in NAMES}
NAME = {each.id: name for name, each in CELLS.items()}
TASKS = {"arithmetic": TASK, "xml": TASK, "english": TASK}
SKILLS = {
    "lstm": {"arithmetic": 0.4, "xml": 0.4},
    "mgu": {"arithmetic": 0.4, "xml": 0.1},
    "ugrnn": {"arithmetic": 0.1},
    "janet": {"arithmetic": None},
}
"""What cells reach that pass the filter; the GRU reaches 0.4, and gates let 0.6 of that through. None diverges."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what is answered here from other tests, whose GRU reaches something else."""
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path / "cache"))


class Answer:
    """Ends trials by what stands above, and remembers them."""

    def __init__(self) -> None:
        self.trained: list[tuple[str, str]] = []

    def __call__(self, trial: Trial) -> Outcome:
        name, task = NAME.get(trial.cell, "gru"), trial.task.partition(":")[0]
        self.trained.append((name, task))
        if name == "mut1":
            return Outcome("error", reason="the host did it")
        if trial.stop_at is not None:
            return done(0.97 if name in SKILLS else 0.5)
        skill = SKILLS.get(name, {"arithmetic": 0.4, "xml": 0.4})[task]
        if skill is None:
            return Outcome("diverged", reason="loss nan at step 3")
        facts = FACTS[task]
        return done(facts.floor + skill * (facts.ceiling - facts.floor))


def passes(
    plan: RunPlan, folder: Path, cells: Sequence[Cell] = tuple(CELLS.values())
) -> tuple[Passes, Answer, list[Any]]:
    """Return how cells come off under a plan, what was trained, and what was said of the cost and of the progress."""
    answer, said = Answer(), []
    trials = ChildTrials(plan, InstantPool(answer), folder, lambda *at: said.append(at))  # type: ignore[arg-type]
    return trials.passes(cells, lambda *cost: said.append(cost)), answer, said


def test_children_are_counted_by_how_far_they_come(tmp_path: Path) -> None:
    found, answer, _ = passes(run_plan(preset(TASKS)), tmp_path)

    assert (found.trained, found.filter, found.gates) == (7, 4, {"arithmetic": 2, "xml": 1})
    assert (found.too_narrow, found.not_evaluated, found.preset) == (0, 1, "small")
    assert {task for _, task in answer.trained} == {"memorization", "arithmetic", "xml"}, (
        "the last has no gate"
    )
    assert ("tanh_rnn", "arithmetic") not in answer.trained and ("ugrnn", "xml") not in answer.trained


def test_the_cost_is_said_before_children_are_trained_and_progress_ends_with_all(tmp_path: Path) -> None:
    _, _, said = passes(run_plan(preset(TASKS)), tmp_path)

    count, cost = next(each for each in said if isinstance(each[1], Cost))
    assert count == 7 and cost.trials == 7 * (1 + 2 * TASK.k) and cost.seconds is not None
    assert said[-1] == (7, 7)


def test_what_a_budget_makes_too_narrow_is_not_trained(tmp_path: Path) -> None:
    wide = cell("h' = " + " + ".join(["tanh(linear(x) + linear(h))"] * 60))
    found, answer, _ = passes(run_plan(preset(TASKS)), tmp_path, [wide, CELLS["lstm"]])

    assert (found.trained, found.too_narrow) == (1, 1)
    assert {name for name, task in answer.trained if task == "memorization"} == {"lstm"}


def test_a_preset_without_filter_has_none_to_pass(tmp_path: Path) -> None:
    found, answer, _ = passes(run_plan(preset(TASKS, tries=0)), tmp_path, [CELLS["lstm"]])

    assert found.filter is None and found.gates == {"arithmetic": 1, "xml": 1}
    assert "memorization" not in {task for _, task in answer.trained}


def test_a_gate_that_clones_set_has_them_trained(tmp_path: Path) -> None:
    tasks = {"arithmetic": TASK, "xml": task_plan(gate="noise"), "english": task_plan(gate="noise")}
    found, answer, _ = passes(run_plan(preset(tasks, noise_draws=4)), tmp_path)

    assert found.gates == {"arithmetic": 2, "xml": 1}
    trained = [task for name, task in answer.trained if name == "gru"]
    assert trained.count("xml") > trained.count("arithmetic") and "english" not in trained


def test_the_census_trains_what_is_sound_the_same_for_any_number_of_workers(tmp_path: Path) -> None:
    world = World(tmp_path / "world", faked=True, environment={"SLOW": "0.002"})
    tiny = Path(__file__).parents[1] / "data" / "tiny.toml"
    counted = []
    for workers in (1, 3):
        command = world.command(
            "mutate", "lstm", "--space", "grow", "--count", 12, "--census", "--train", tiny,
            "--set", 'search.tasks=["arithmetic", "xml"]', "--workers", workers, "--json",
        )  # fmt: skip
        ended = world.run(command)
        assert ended.returncode == 0, ended.stderr
        assert "children: at most" in ended.stderr
        counted.append(json.loads(ended.stdout))
        assert counted[-1]["trained"].pop("seconds") > 0
    one, other = counted
    assert one == other
    sound = one["children"] - sum(one["faults"].values()) - one["alike"]
    trained = one["trained"]
    assert 0 < trained["trained"] + trained["too_narrow"] <= sound
    assert trained["trained"] >= trained["filter"] >= trained["gates"]["arithmetic"] > 0


def test_the_reference_may_be_among_the_children(tmp_path: Path) -> None:
    found, _, _ = passes(run_plan(preset({"arithmetic": TASK})), tmp_path, [library.load("gru")])

    assert (found.trained, found.gates) == (1, {})
