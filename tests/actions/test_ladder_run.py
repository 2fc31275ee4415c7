"""A run on a ladder: the larger size comes after the gates of the smaller one, and fitness is the worst ratio of all."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from archsearch.protocol.ladder import rules_of
from archsearch.protocol.plan import PlannedTask, RunPlan
from archsearch.store import RunStore, as_document, make_run, read_leaderboard
from tests.helpers.in_process import search_on
from tests.helpers.plans import FACTS, run_plan


def ladder() -> RunPlan:
    plan = run_plan()
    rules = rules_of(plan.preset, "arithmetic@30k")
    assert rules is not None
    return replace(plan, tasks=(*plan.tasks, PlannedTask("arithmetic@30k", FACTS["arithmetic"], rules)))


def test_what_passes_the_small_size_trains_at_the_large_one_and_ranks_by_its_worst_task(
    tmp_path: Path,
) -> None:
    make_run(tmp_path / "run", ladder())
    search_on(tmp_path / "run", 40)
    with RunStore.open(tmp_path / "run") as store:
        board = as_document(read_leaderboard(store, "run"))
        steps = [(step, verdict) for step, verdict in store.steps.read() if verdict]
        budgets = {(trial.task, trial.setting.budget): trial.steps for trial, _ in store.trials.ended()}
    assert budgets["arithmetic:small", 30_000] in (30, 60) and ("arithmetic:small", 10_000) in budgets
    assert ("xml:small", 30_000) not in budgets
    assert {verdict.reached for _, verdict in steps if verdict.fate == "stopped at gate"} >= {1, 2}
    found = [row for row in board["rows"] if row["parent"]]
    assert found
    for row in found:
        assert list(row["tasks"]) == ["arithmetic", "xml", "arithmetic@30k"]
        assert row["fitness"] == min(task["ratio"] for task in row["tasks"].values())
        assert row["tasks"]["arithmetic@30k"]["setting"]["budget"] == 30_000
