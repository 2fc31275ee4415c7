"""A verdict can be checked by anybody: its pairs follow from its claim, and trained again they are the same in every bit."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from archsearch.store import RunStore
from tests.helpers.searches import World, rows, until

VERDICT = ("--set", "search.verdict=0.25", "--set", "search.verdict_settings=2")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A run whose workers answer at once, with a verdict."""
    world = World(tmp_path_factory.mktemp("simulated"), faked=True, environment={"SLOW": "0.002"})
    done = world.run(world.evolve("--run", "a", "--max-candidates", 8, *VERDICT))
    assert done.returncode == 0, done.stderr
    return world


def test_the_pairs_of_a_verdict_are_trained_again_from_its_claim_alone(simulated: World) -> None:
    done = simulated.run(simulated.command("replay", "a", "--verdicts", "--json"))
    assert done.returncode == 0, done.stderr
    (claim,) = json.loads(done.stdout)["claims"]
    assert claim["claim"] == 1 and claim["b"] == "gru" and claim["pairs"] > 0 and claim["failures"] == []


def test_a_pair_that_was_altered_is_found(simulated: World) -> None:
    folder = simulated.folder / "runs" / "a"
    with RunStore.open(folder, write=True) as store:
        claim, pairs = store.claims.read()[1]
        first, *others = pairs["xml"]
        assert first.a is not None
        altered = type(first)(first.a + 0.2, first.b)
        store.claims.keep(1, claim, {**pairs, "xml": (altered, *others)})
        try:
            done = simulated.run(simulated.command("replay", "a", "--verdicts"))
        finally:
            store.claims.keep(1, claim, pairs)
    assert done.returncode == 1
    assert "Does not hold: claim 1, pairs xml 1\n" in done.stderr and re.search(r"\bNO\b", done.stdout)


def test_a_run_without_a_verdict_says_how_to_get_one(simulated: World) -> None:
    done = simulated.run(simulated.evolve("--run", "bare", "--max-candidates", 3))
    assert done.returncode == 0, done.stderr
    done = simulated.run(simulated.command("replay", "bare", "--verdicts"))
    assert done.returncode == 2 and "archsearch confirm bare" in done.stderr


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A folder where cells are really trained."""
    return World(tmp_path_factory.mktemp("trained"))


def ledger(folder: Path) -> list[object]:
    return rows(folder, "SELECT * FROM claims")


def searched(world: World, run: str, workers: int) -> str:
    done = world.run(world.evolve("--run", run, "--workers", workers, "--json", *VERDICT))
    assert done.returncode == 0, done.stderr
    return done.stdout.replace(f'"run": "{run}"', '"run": ""')


def without_trials(world: World, cache: str) -> World:
    """Return a world where cells are compiled already, and no trial is known."""
    shutil.copytree(world.folder / world.cache / "kernels", world.folder / cache / "kernels")
    (world.folder / cache).chmod(0o700)
    return World(world.folder, cache=cache)


@pytest.mark.slow
def test_bytes_of_trained_verdicts_are_the_same_for_any_number_of_workers_and_after_a_kill(
    trained: World,
) -> None:
    whole = searched(trained, "one", 1)
    assert json.loads(whole)["verdict"]["pairs"] > 0
    runs = trained.folder / "runs"
    for workers in (2, 4):
        cold = without_trials(trained, f"cold-{workers}")
        assert searched(cold, f"cold-{workers}", workers) == whole
        assert ledger(runs / f"cold-{workers}") == ledger(runs / "one")
    killed = without_trials(trained, "killed")
    shutil.copytree(runs / "one", runs / "killed")
    with RunStore.open(runs / "killed", write=True) as store:
        store.database.connection.execute("DELETE FROM claims")
    search = killed.start(killed.evolve("--run", "killed", "--workers", 2, *VERDICT), "killed")
    until(lambda: ledger(runs / "killed") or search.process.poll() is not None, "a claim")
    search.kill()
    assert searched(killed, "killed", 2) == whole
    assert ledger(runs / "killed") == ledger(runs / "one")


@pytest.mark.slow
def test_a_hundred_pairs_of_many_claims_are_replayed_bit_for_bit(trained: World) -> None:
    searched(trained, "many", 2)
    confirmed = trained.run(
        trained.command("confirm", "many", "--settings", 1, "--pairs", 7, "--workers", 2, "--no-unused")
    )
    assert confirmed.returncode == 0, confirmed.stderr
    done = trained.run(trained.command("replay", "many", "--verdicts", "--workers", 1, "--json"))
    assert done.returncode == 0, done.stderr
    claims = json.loads(done.stdout)["claims"]
    assert sum(claim["pairs"] for claim in claims) >= 100 and len(claims) >= 8
    assert all(not claim["failures"] for claim in claims)
