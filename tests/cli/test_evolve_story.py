"""The story of a search: however it is run, stopped, killed and taken up again, it finds the same."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.helpers.sealing import forge
from tests.helpers.searches import World, finish, killed, mutants, rows, trained_again

CANDIDATES = 14


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("story"))


@pytest.fixture(scope="module")
def unbroken(world: World) -> str:
    """The leaderboard of a search that nothing disturbed, from an empty cache."""
    done = world.run(world.evolve("--run", "unbroken", "--workers", 2))
    assert done.returncode == 0, done.stderr
    world.sound("unbroken")
    found = world.board("unbroken")
    assert mutants(found) >= 5, found
    return found


def test_trials_pause_at_rungs_and_the_better_ones_go_on(world: World, unbroken: str) -> None:
    folder = world.folder / "runs" / "unbroken"
    raced = "FROM trials WHERE task != 'memorization:small'"
    steps = dict(rows(folder, f"SELECT record ->> 'steps', count(*) {raced} GROUP BY 1"))
    assert set(steps) == {5, 10} and steps[5] > 0, steps
    went_on = rows(
        folder,
        "SELECT a.outcome ->> 'curve', b.outcome ->> 'curve' FROM trials a JOIN trials b USING (cell, task) "
        "WHERE a.record ->> 'setting' = b.record ->> 'setting' AND a.record ->> 'init_draw' = b.record ->> 'init_draw' "
        "AND a.record ->> 'steps' = 5 AND b.record ->> 'steps' = 10 AND a.state = 'done' AND b.state = 'done'",
    )
    assert went_on and all(json.loads(whole)[:1] == json.loads(part) for part, whole in went_on), (
        "the same first epoch"
    )
    assert len(went_on) < steps[5], "and some stopped"
    assert not (folder / "paused").exists(), "nothing lies about when the search is over"


@pytest.mark.slow
def test_four_workers_and_a_cold_cache_find_the_same(world: World, unbroken: str) -> None:
    cold = World(world.folder, cache="cold")
    assert finish(cold, "cold", 4) == unbroken


def test_a_search_killed_stopped_and_continued_with_one_worker_and_a_warm_cache_finds_the_same(
    world: World, unbroken: str
) -> None:
    assert list((world.folder / world.cache / "references").rglob("*.json")), "the cache is warm"
    folder = world.folder / "runs" / "broken"
    world.start(world.evolve("--run", "broken", "--workers", 2), "broken").moved(3, folder).kill()
    part = finish(world, "broken", 1, "--max-candidates", CANDIDATES - 3)
    assert part != unbroken
    assert finish(world, "broken", 1, "--max-candidates", CANDIDATES) == unbroken
    assert trained_again(folder) <= 4, "only what was in flight is trained again"
    assert rows(folder, "SELECT count(*) FROM trials WHERE worker = 0")[0][0] > 0, (
        "references come from the cache"
    )


@pytest.mark.timing
@pytest.mark.slow
def test_an_interrupt_saves_the_state_within_five_seconds_and_changes_nothing(
    world: World, unbroken: str
) -> None:
    folder = world.folder / "runs" / "interrupted"
    search = world.start(world.evolve("--run", "interrupted", "--workers", 2), "interrupted").moved(3, folder)
    code, seconds = search.stop(signal.SIGINT)
    assert code == 130 and seconds < 5, f"exit code {code} after {seconds:.1f} s"
    assert "archsearch evolve --run interrupted" in search.log.read_text()
    world.sound("interrupted")
    assert finish(world, "interrupted", 2) == unbroken


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 4])
def test_five_kills_of_the_driver_change_nothing(world: World, unbroken: str, workers: int) -> None:
    run = f"killed-{workers}"
    assert killed(world, run, 10 + workers, 5, workers, 22) == unbroken
    assert trained_again(world.folder / "runs" / run) <= 5 * workers, (
        "only what was in flight is trained again"
    )


def test_replay_holds_bit_for_bit_and_finds_a_score_that_was_altered(world: World, unbroken: str) -> None:
    command = world.command("replay", "unbroken", "--top", 2, "--workers", 1)
    holds = world.run(command)
    assert holds.returncode == 0, holds.stderr
    assert holds.stdout.count("bit for bit") == 4 and "4 of 4 scores hold" in holds.stdout
    folder = world.folder / "runs" / "unbroken"
    winner = rows(
        folder, "SELECT cell FROM trials WHERE state = 'done' AND task LIKE 'text%' ORDER BY score LIMIT 1"
    )[0][0]
    altered = World(world.folder / "altered", cache="../cache")
    copy_run(folder, altered.folder / "runs" / "unbroken")
    forge(
        altered.folder / "runs" / "unbroken", "UPDATE trials SET score = score - 1e-9 WHERE cell = ?", winner
    )
    found = altered.run([*altered.command("replay", "unbroken", "--workers", 1), "--cell", winner])
    assert found.returncode == 1
    assert winner[:9] in found.stderr and "not hold" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.slow
def test_replay_elsewhere_compares_within_a_tolerance_and_says_so(world: World, unbroken: str) -> None:
    elsewhere = World(world.folder / "elsewhere", cache="../cache")
    folder = elsewhere.folder / "runs" / "unbroken"
    copy_run(world.folder / "runs" / "unbroken", folder)
    forge(folder, 'UPDATE facts SET value = replace(value, \'"machine":"\', \'"machine":"another \')')
    rename_trials(folder)
    found = elsewhere.run(elsewhere.command("replay", "unbroken", "--top", 1, "--workers", 1))
    assert found.returncode == 0, found.stderr
    assert "within 0.05" in found.stdout and "a tolerance of 0.05 holds" in found.stdout


@pytest.mark.slow
def test_other_data_are_neither_replayed_nor_searched_on(world: World, unbroken: str) -> None:
    other = World(world.folder / "other", cache="../cache")
    copy_run(world.folder / "runs" / "unbroken", other.folder / "runs" / "unbroken")
    with (other.folder / "song.txt").open("a") as file:
        file.write("la")
    for command in (
        other.command("replay", "unbroken", "--task", "text:song.txt"),  # not where the run's own still lies
        other.evolve("--run", "unbroken", "--max-candidates", 20),
    ):
        refused = other.run(command)
        assert refused.returncode == 2, refused.stderr
        assert "text:song.txt" in refused.stderr and "Traceback" not in refused.stderr


def copy_run(folder: Path, to: Path) -> None:
    to.mkdir(parents=True)
    for file in folder.glob("run.*"):
        (to / file.name).write_bytes(file.read_bytes())


def rename_trials(folder: Path) -> None:
    """Give trials the keys that they would have on the other machine."""
    from msgspec import json
    from msgspec.structs import replace

    from archsearch.protocol.records import Trial

    for key, record in rows(folder, "SELECT key, record FROM trials"):
        trial = json.decode(record, type=Trial)
        other = replace(trial, machine="another " + trial.machine)
        forge(
            folder,
            "UPDATE trials SET key = ?, record = ? WHERE key = ?",
            other.key,
            json.encode(other).decode(),
            key,
        )
