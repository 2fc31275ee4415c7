"""The referee at work: its verdicts are the same for any number of workers and after kills, and need not be bought twice."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsearch.actions.judge import Hearing
from archsearch.cell import library
from archsearch.protocol.claims import Claim, PairResult
from archsearch.protocol.records import Trial
from archsearch.protocol.seeds import FRESH
from archsearch.referee.ruling import Ruling
from archsearch.store import RunStore
from tests.helpers.commands import Finished
from tests.helpers.plans import GRU, run_plan
from tests.helpers.searches import TINY, World, rows, until

QUICK = {"SLOW": "0.002"}
CLAIM = ("--preset", TINY, "--task", "xml", "--task", "arithmetic", "--settings", 2)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A folder whose workers answer at once; mut3 is better than the GRU there, janet worse, mut1 on one task alone."""
    return World(tmp_path / "simulated", faked=True, environment=dict(QUICK))


def judged(world: World, *arguments: object, a: str = "mut3", b: str = "gru", cache: str = "cache") -> str:
    """Return the document of a judgement."""
    world.cache = cache
    command = world.command("judge", a, b, *CLAIM, "--json", *arguments)
    done = world.run(command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def verdict(text: str) -> tuple[str, int]:
    document = json.loads(text)
    return document["verdict"], document["pairs"]


def trained(world: World, cache: str = "cache") -> int:
    """Return how many trials there are in a cache."""
    return len(list((world.folder / cache / "references").rglob("*.json")))


def test_better_and_worse_cells_are_told_and_then_no_pair_more_is_trained(world: World) -> None:
    assert verdict(judged(world, a="mut3"))[0] == "better"
    before = trained(world)
    assert verdict(judged(world, "--pairs", 90))[0] == "better"
    assert trained(world) == before
    assert verdict(judged(world, a="gru", b="mut3"))[0] == "worse"


def test_a_cell_that_is_better_on_one_task_alone_is_not_called_better(world: World) -> None:
    ruling, pairs = verdict(judged(world, "--pairs", 40, a="mut1"))
    assert ruling == "not told apart"
    assert pairs < 40, "each cell is better on a task: more pairs would bring nothing"


def test_the_document_is_the_same_for_any_number_of_workers(world: World) -> None:
    documents = {
        judged(world, "--pairs", 12, "--workers", workers, cache=f"cache{workers}", a="mut2")
        for workers in (1, 2, 4)
    }
    assert len(documents) == 1


def test_a_judgement_that_is_killed_goes_on_and_ends_as_one_that_was_not(world: World) -> None:
    whole = judged(world, a="mut3", cache="whole")
    world.cache, world.environment = "killed", {"SLOW": "0.2"}
    for kill in range(2):
        least = 12 * (kill + 1)
        running = world.start(world.command("judge", "mut3", "gru", *CLAIM), "judge")
        until(lambda: trained(world, "killed") >= least or running.process.poll() is not None, "trials")  # noqa: B023
        running.kill()
    world.environment = dict(QUICK)
    assert judged(world, a="mut3", cache="killed") == whole


def test_a_claim_goes_on_from_its_pairs(world: World) -> None:
    first = json.loads(judged(world, "--pairs", 2, a="mut2"))
    again = json.loads(judged(world, "--pairs", 5, a="mut2"))
    at_once = json.loads(judged(world, "--pairs", 5, a="mut2", cache="other"))
    assert (first["pairs"], again["pairs"]) == (2, 5)
    assert again == at_once


def test_a_length_is_for_tasks_that_are_read_out(world: World) -> None:
    command = world.command("judge", "mut1", "gru", *CLAIM, "--length", 256)
    done = world.run(command)
    assert done.returncode == 2
    assert "--length: xml:small is not read out on longer sequences; these are: parity, " in done.stderr


def test_every_claim_is_tested_at_a_smaller_level_than_those_before(world: World) -> None:
    levels = [json.loads(judged(world, "--pairs", 1, a=cell))["level"] for cell in ("mut1", "mut2", "mut1")]
    assert levels[0] > levels[1]
    assert levels[2] == levels[0], "the same claim has its place"
    assert sum(levels[:2]) < 0.05


@pytest.mark.parametrize("equal", ["width", "flops", "time"])
def test_cells_are_judged_at_equal_width_operations_or_time_by_a_claim_that_keeps_its_terms(
    world: World, equal: str
) -> None:
    plain = json.loads(judged(world, "--pairs", 2, a="mut2"))
    first = judged(world, "--pairs", 2, "--equal", equal, a="mut2")
    document = json.loads(first)
    assert document["equal"]["what"] == equal
    assert {terms["task"] for terms in document["equal"]["terms"]} == {"xml", "arithmetic"}
    assert document["level"] < plain["level"], "another claim"
    assert judged(world, "--pairs", 2, "--equal", equal, a="mut2") == first


@pytest.mark.parametrize("kind", ["error", pytest.param("kill", marks=pytest.mark.slow)])
def test_what_the_host_ended_is_trained_again_and_never_scored(world: World, kind: str) -> None:
    untroubled = judged(world, "--pairs", 2, cache="untroubled")
    world.environment = {**QUICK, "TROUBLE": f"{kind}:1.0:2"}
    assert judged(world, "--pairs", 2, "--workers", 2, cache="troubled") == untroubled


def test_a_host_that_ends_a_trial_again_and_again_ends_the_command_and_keeps_the_pairs(world: World) -> None:
    judged(world, "--pairs", 2)
    world.environment = {**QUICK, "TROUBLE": "error:1.0:99"}
    done = world.run(world.command("judge", "mut3", "gru", *CLAIM, "--pairs", "9"))
    assert done.returncode == 1
    assert "pair 3, " in done.stderr and "'error'" in done.stderr and "boom" in done.stderr
    assert verdict(judged(world, "--pairs", 2))[1] == 2


def test_no_trial_of_a_search_has_a_fresh_seed(finished: Finished) -> None:
    with RunStore.open(finished.folder) as store:
        assert store.facts.plan.seed < FRESH
    records: list[Any] = rows(finished.folder, "SELECT record FROM trials")
    assert records
    assert all(json.loads(record)["seed"] < FRESH for (record,) in records)
    assert "seed" in Trial.__struct_fields__


def simulated(skills: dict[str, float], pairs: int, rng: np.random.Generator) -> Hearing:
    """Return a hearing to its end; a cell is better by so many standard deviations of a pair on each task."""
    plan = run_plan()
    claim = Claim.of(plan, library.load("mut1").id, GRU, 2)
    hearing = Hearing(claim, 1, ("mut1", "gru"), dict.fromkeys(skills, ()))
    while hearing.due and hearing.count < pairs:
        new = {task.name: PairResult(rng.normal(skills[task.name]), 0.0) for task in hearing.due}
        kept = {task: (*old, new[task]) if task in new else old for task, old in hearing.pairs.items()}
        hearing = replace(hearing, pairs=kept)
    return hearing


def test_a_task_that_is_decided_gets_no_more_pairs() -> None:
    hearing = simulated({"arithmetic": 9.0, "xml": 1.0}, 60, np.random.default_rng(0))
    assert hearing.ruling == "better"
    assert len(hearing.pairs["arithmetic"]) == 9, "9 wins of 9 are enough for either task of a first claim"
    assert len(hearing.pairs["xml"]) > 9


def test_more_pairs_than_would_do_are_not_promised_where_each_cell_leads_on_a_task() -> None:
    hearing = simulated({"arithmetic": 9.0, "xml": -9.0}, 60, np.random.default_rng(0))
    assert (hearing.ruling, hearing.count, hearing.is_split, hearing.needed) == (
        "not told apart",
        9,
        True,
        None,
    )
    assert hearing.as_document()["tasks"]["arithmetic"]["verdict"] == "better"  # type: ignore[index]


@pytest.mark.slow
def test_one_real_task_and_one_that_is_not_are_falsely_called_better_within_the_level() -> None:
    rng = np.random.default_rng(1)
    rulings = [simulated({"arithmetic": 2.0, "xml": 0.0}, 40, rng).ruling for _ in range(400)]
    assert rulings.count(Ruling.BETTER) / len(rulings) <= 0.05
    assert rulings.count(Ruling.WORSE) == 0
