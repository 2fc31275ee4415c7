"""`evolve --profile` says where core time went, and nothing of a run depends on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from archsearch.cli.profile import print_profile
from archsearch.workers.spending import Profile
from tests.helpers.searches import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("profile"), faked=True, environment={"SLOW": "0.002"})


def test_the_profile_is_in_the_document_and_nowhere_in_the_run(world: World) -> None:
    documents = []
    for run, more in (("with", ["--profile"]), ("without", [])):
        done = world.run(world.evolve("--run", run, "--max-candidates", 4, "--json", *more))
        assert done.returncode == 0, done.stderr
        documents.append(json.loads(done.stdout))
    profile = documents[0].pop("profile")
    assert "profile" not in documents[1]
    assert {**documents[0], "run": ""} == {**documents[1], "run": ""}
    assert 0 <= profile["waited"] <= profile["offered"] and profile["driver"] > 0
    assert sum(profile["trials"].values()) > 4 and set(profile["trials"]) >= {"references", "candidates"}


def test_the_table_has_a_row_for_every_purpose_and_all_shares_are_of_all_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    profile = Profile(
        offered=20.0,
        waited=4.0,
        seconds={"filter": {"compile": 5.0, "training": 3.0}, "candidates": {"training": 6.0}},
        trials={"filter": 2, "candidates": 3},
        driver=1.5,
    )
    print_profile(Console(width=120), profile)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == ["filter", "2", "8.0", "40.0%", "5.0", "3.0"]
    assert lines[2] == ["candidates", "3", "6.0", "30.0%", "6.0"]
    assert lines[3] == ["waiting", "4.0", "20.0%"]
    assert lines[4] == ["other", "2.0", "10.0%"]
    assert lines[5] == ["all", "5", "20.0", "100%", "5.0", "0.0", "9.0", "0.0", "0.0", "0.0"]
    assert "1.5 s of a core" in " ".join(lines[-1])


def test_a_run_that_is_finished_has_no_profile(world: World, tmp_path: Path) -> None:
    for _ in range(2):
        done = world.run(world.evolve("--run", "over", "--max-candidates", 2, "--profile"))
        assert done.returncode == 0, done.stderr
    assert "core time of" not in done.stdout
