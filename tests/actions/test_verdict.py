"""A search ends with a verdict on its best cell: the same however it was interrupted, and never bought twice."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from archsearch.actions.listener import SearchLimits
from archsearch.actions.verdict import best_found, is_due
from archsearch.protocol.claims import Claim, PairResult, ledger_of
from archsearch.store import RunStore, make_run
from archsearch.store.claims import RunLedger
from tests.helpers.in_process import search_on
from tests.helpers.plans import GRU, preset, run_plan, task_plan
from tests.helpers.searches import World, rows, until

VERDICT = ("--set", "search.verdict=0.25", "--set", "search.verdict_settings=1", "--max-candidates", 12)
QUICK = {"SLOW": "0.002"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A folder whose workers answer at once."""
    return World(tmp_path_factory.mktemp("verdicts"), faked=True, environment=dict(QUICK))


@pytest.fixture(scope="module")
def unbroken(world: World) -> dict[str, Any]:
    """The document of a search that nothing disturbed."""
    return searched(world, "unbroken", 2)


def searched(world: World, run: str, workers: int, *more: object) -> dict[str, Any]:
    done = world.run(world.evolve("--run", run, "--workers", workers, "--json", *VERDICT, *more))
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    del document["run"]
    return document


def claims(world: World, run: str) -> list[Any]:
    return rows(world.folder / "runs" / run, "SELECT * FROM claims")


def test_the_best_found_cell_is_judged_as_the_first_claim_of_its_run(unbroken: dict[str, Any]) -> None:
    best = next(row for row in unbroken["rows"] if row["rank"] and row["parent"])
    verdict = unbroken["verdict"]
    assert verdict["a"] == best["id"] and verdict == best["verdict"]
    assert 1 / verdict["level"] == pytest.approx(32.6, abs=0.1)
    assert 0 < verdict["pairs"] <= 12 and set(verdict["tasks"]) == {"xml", "arithmetic"}
    assert all(row["verdict"] is None for row in unbroken["rows"] if row is not best)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 4])
def test_verdicts_do_not_depend_on_the_number_of_workers(
    world: World, unbroken: dict[str, Any], workers: int
) -> None:
    assert searched(world, f"with-{workers}", workers) == unbroken
    assert claims(world, f"with-{workers}") == claims(world, "unbroken")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_verdict_that_is_broken_off_goes_on_and_ends_as_one_that_was_not(
    world: World, unbroken: dict[str, Any], number: signal.Signals
) -> None:
    run = f"broken-by-{number.name}"
    slow = World(world.folder, faked=True, cache="slow", environment={"SLOW": "0.2"})
    shutil.copytree(world.folder / "runs" / "unbroken", world.folder / "runs" / run)
    forget_verdict(world.folder / "runs" / run)
    running = slow.start(slow.evolve("--run", run, "--workers", 2, *VERDICT), run)
    until(lambda: pairs(slow, run) or running.process.poll() is not None, "a pair")
    if number == signal.SIGINT:
        assert running.stop(number)[0] == 130
    else:
        running.kill()
    assert 0 < pairs(slow, run) < unbroken["verdict"]["pairs"]
    assert searched(world, run, 2) == unbroken


def forget_verdict(folder: Path) -> None:
    with RunStore.open(folder, write=True) as store:
        store.database.connection.execute("DELETE FROM claims")


def pairs(world: World, run: str) -> int:
    """Return how many pairs of its first claim a run has kept."""
    return max((len(those) for row in claims(world, run) for those in json.loads(row[2]).values()), default=0)


def test_a_verdict_that_is_there_costs_nothing_again(world: World, unbroken: dict[str, Any]) -> None:
    shutil.rmtree(world.folder / "cache")
    assert searched(world, "unbroken", 2) == unbroken
    assert not list((world.folder / "cache").rglob("references/*/*.json"))


@pytest.mark.slow
def test_a_search_that_goes_on_to_another_best_cell_makes_the_next_claim(
    world: World, unbroken: dict[str, Any]
) -> None:
    shutil.copytree(world.folder / "runs" / "unbroken", world.folder / "runs" / "longer")
    longer = searched(world, "longer", 2, "--max-candidates", 60)
    best = next(row for row in longer["rows"] if row["rank"] and row["parent"])
    assert longer["verdict"]["a"] == best["id"] != unbroken["verdict"]["a"]
    assert longer["verdict"]["level"] < unbroken["verdict"]["level"]


def test_the_last_lines_say_what_holds_and_what_to_do_next(world: World, unbroken: dict[str, Any]) -> None:
    done = world.run(world.evolve("--run", "unbroken", *VERDICT))
    assert done.returncode == 0, done.stderr
    assert (
        f"{unbroken['verdict']['a'][:9]} " in done.stdout and " than gru on arithmetic and xml" in done.stdout
    )
    assert "Claim 1 of this run: E must reach 33 on every task." in done.stdout
    assert "archsearch confirm unbroken --max-time 30m" in done.stderr


def test_status_and_leaderboard_say_what_the_verdict_is(world: World, unbroken: dict[str, Any]) -> None:
    verdict = unbroken["verdict"]
    said = world.run(world.command("status", "unbroken")).stdout
    assert f"{verdict['a'][:9]} beside gru: {verdict['verdict']}, after {verdict['pairs']} pairs" in said
    table = world.run(world.command("leaderboard", "unbroken")).stdout
    assert "verdict" in table.splitlines()[0] and f"  {verdict['verdict']}  " in table
    document = json.loads(world.run(world.command("leaderboard", "unbroken", "--json")).stdout)
    assert document["verdict"] == verdict


def test_without_a_share_of_the_time_there_is_no_verdict(world: World) -> None:
    done = world.run(world.evolve("--run", "bare", "--max-candidates", 5, "--json"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] is None
    assert claims(world, "bare") == []


@pytest.mark.timing
def test_a_run_of_some_time_keeps_its_last_part_for_the_verdict(world: World) -> None:
    timed = ("--max-time", "8s", "--set", "search.verdict=0.5", "--set", "search.verdict_settings=1")
    done = world.run(world.evolve("--run", "timed", "--json", "--workers", 2, *timed))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"]["pairs"] > 0
    assert "verdict: " in done.stderr and "against gru, pair 1" in done.stderr


def test_a_claim_that_was_made_under_another_control_is_the_run_s_verdict_too(tmp_path: Path) -> None:
    tasks = {"arithmetic": task_plan(gate=0.0), "xml": task_plan(gate=0.0)}
    make_run(tmp_path / "run", run_plan(preset(tasks, noise_draws=1, verdict=0.25)))
    search_on(tmp_path / "run", 12)
    with RunStore.open(tmp_path / "run", write=True) as store:
        plan, best, limits = store.facts.plan, best_found(store), SearchLimits()
        assert best is not None and is_due(store, plan, limits)
        settings = plan.preset.search.verdict_settings
        claim = replace(Claim.of(plan, best, GRU, settings, ledger_of(plan)), discoveries=0)
        ledger = RunLedger(store)
        ledger.enter(claim)
        ledger.keep(claim, {task.name: (PairResult(0.5, 0.4),) * 12 for task in claim.tasks})
        assert not is_due(store, plan, limits)


def test_no_more_pairs_are_due_once_those_that_are_left_cannot_bring_a_ruling(tmp_path: Path) -> None:
    tasks = {"arithmetic": task_plan(gate=0.0), "xml": task_plan(gate=0.0)}
    make_run(tmp_path / "run", run_plan(preset(tasks, noise_draws=1, verdict=0.25)))
    search_on(tmp_path / "run", 12)
    with RunStore.open(tmp_path / "run", write=True) as store:
        plan, best, counted = store.facts.plan, best_found(store), SearchLimits(max_candidates=12)
        assert best is not None
        claim = Claim.of(plan, best, GRU, plan.preset.search.verdict_settings, ledger_of(plan))
        ledger = RunLedger(store)
        ledger.enter(claim)
        split = (PairResult(0.5, 0.4), PairResult(0.4, 0.5), PairResult(0.5, 0.4), PairResult(0.3, 0.5))
        ledger.keep(claim, {task.name: split for task in claim.tasks})
        assert is_due(store, plan, SearchLimits()) and not is_due(store, plan, counted)
