"""A run is confirmed: every cell that was looked at stands in its ledger, and how many workers there are is no matter."""

import json
import shutil
from typing import Any

import pytest

from archsearch.actions.confirm import PLACEBO
from archsearch.actions.stability import STEPS
from archsearch.store import RunStore
from tests.helpers.searches import World


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A search whose workers answer at once, to its end."""
    world = World(tmp_path_factory.mktemp("simulated"), faked=True, environment={"SLOW": "0.002"})
    done = world.run(world.evolve("--run", "found", "--max-candidates", 25))
    assert done.returncode == 0, done.stderr
    return world


def confirmed(world: World, run: str, *arguments: object) -> dict[str, Any]:
    """Return the document of a confirmation of a copy of the run."""
    if not (world.folder / "runs" / run).exists():
        shutil.copytree(world.folder / "runs" / "found", world.folder / "runs" / run)
    world.cache = f"cache-{run}"
    command = world.command("confirm", run, "--settings", 1, "--top", 6, "--json", *arguments)
    done = world.run(command)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_confirmation_is_the_same_for_any_number_of_workers_and_costs_nothing_again(
    searched: World,
) -> None:
    one = confirmed(searched, "one", "--pairs", 12, "--workers", 1)
    three = confirmed(searched, "three", "--pairs", 12, "--workers", 3)
    assert one["claims"] == three["claims"]
    cache = searched.folder / "cache-one"
    shutil.rmtree(cache)
    assert confirmed(searched, "one", "--pairs", 12) == one
    trained = [json.loads(path.read_text()) for path in cache.rglob("references/*/*.json")]
    assert {entry["trial"]["steps"] for entry in trained} == {STEPS}, "all pairs were kept in the run"


def test_few_cells_go_on_and_every_claim_spends_from_one_ledger(searched: World) -> None:
    claims = confirmed(searched, "spent", "--pairs", 8, "--workers", 2)["claims"]
    found = [claim for claim in claims if claim["column"] == "gru" and claim["cell"] not in ("mut1", PLACEBO)]
    assert len({claim["a"] for claim in found}) == len(found) > 3
    assert sum(claim["pairs"] > 2 for claim in found) <= 3
    levels = [claim["level"] for claim in claims]
    assert levels == sorted(levels, reverse=True) and sum(levels) <= 0.05
    with RunStore.open(searched.folder / "runs" / "spent") as store:
        assert list(store.claims()) == [claim["claim"] for claim in claims]


def test_the_placebo_is_not_told_apart_from_the_gru(searched: World) -> None:
    document = confirmed(searched, "placebo", "--pairs", 12, "--workers", 2)
    placebo = next(claim for claim in document["claims"] if claim["cell"] == PLACEBO)
    assert placebo["a"] == placebo["b"] and placebo["verdict"] == "not told apart"
    assert placebo["pairs"] == max(claim["pairs"] for claim in document["claims"] if claim["column"] == "gru")
    skills = [skill for task in placebo["tasks"].values() for skill in task["skills"]]
    assert len(set(skills)) == len(skills), "its initial weights are others"


def test_a_run_that_has_found_nothing_is_told(searched: World) -> None:
    done = searched.run(searched.evolve("--run", "bare", "--max-candidates", 1))
    assert done.returncode == 0, done.stderr
    ended = searched.run(searched.command("confirm", "bare"))
    assert (ended.returncode, ended.stderr) == (
        2,
        "Error: bare: none of the first 10 ranks is a cell that the search has made\n",
    )
