"""The loop over simulated workers: the same leaderboard for any number of workers, kills, stops and dying workers."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from archsearch.actions.crew import look_ahead_hint
from archsearch.errors import RunLocked
from archsearch.store import Lock
from tests.helpers.plans import GRU, run_plan
from tests.helpers.searches import (
    World,
    board,
    finish,
    killed,
    lives,
    mutants,
    rows,
    sound,
    trained_again,
    until,
)

CANDIDATES = ("--max-candidates", 24)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("simulated"), faked=True)


@pytest.fixture(scope="module")
def unbroken(world: World) -> str:
    found = finish(world, "unbroken", 2, *CANDIDATES)
    assert mutants(found) >= 5
    return found


def troubled(world: World, kind: str, share: float, times: int, run: str) -> World:
    """Return the world with workers that make trouble, and a cache of its own."""
    folder = world.folder / f"trouble-{run}"
    folder.mkdir()
    environment = {"TROUBLE": f"{kind}:{share}:{times}", "TROUBLE_FOLDER": str(folder)}
    return World(world.folder, True, f"cache-{run}", environment)


def started(folder: Path, run: str) -> int:
    return len(list((folder / f"trouble-{run}").iterdir()))


@pytest.mark.parametrize("workers", [1, 4])
def test_the_number_of_workers_and_the_cache_change_nothing(
    world: World, unbroken: str, workers: int
) -> None:
    other = World(world.folder, True, world.cache if workers == 1 else "cold")
    assert finish(other, f"workers-{workers}", workers, *CANDIDATES) == unbroken


def test_two_kills_of_the_driver_change_nothing(world: World, unbroken: str) -> None:
    assert killed(world, "two", 1, 2, 2, 30, *CANDIDATES) == unbroken
    assert trained_again(world.folder / "runs" / "two") <= 2 * 2


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_twenty_kills_of_the_driver_change_nothing(world: World, unbroken: str, workers: int) -> None:
    slow = World(world.folder, True, f"cache-{workers}", {"SLOW": "0.2"})
    assert killed(slow, f"twenty-{workers}", 20 + workers, 20, workers, 38, *CANDIDATES) == unbroken
    assert trained_again(world.folder / "runs" / f"twenty-{workers}") <= 20 * workers


@pytest.mark.parametrize("kind", ["after", "twice"])
def test_workers_that_make_trouble_once_change_nothing(world: World, unbroken: str, kind: str) -> None:
    other = troubled(world, kind, 0.08, 1, kind)
    assert finish(other, kind, 2, *CANDIDATES) == unbroken
    assert started(world.folder, kind) > 0
    deaths = rows(world.folder / "runs" / kind, "SELECT max(deaths), max(attempt) FROM trials")[0]
    assert deaths <= (1, 2), deaths
    assert kind != "after" or deaths[0] == 0, (
        "a result that came is no death, nor is the trial that was next in the pipe"
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["kill", "garbage", "exit", "segfault", "abort", "huge", "oom"])
def test_every_kind_of_trouble_that_comes_once_changes_nothing(
    world: World, unbroken: str, kind: str
) -> None:
    other = troubled(world, kind, 0.1, 1, kind)
    assert finish(other, kind, 2, *CANDIDATES) == unbroken
    assert started(world.folder, kind) > 0


def test_a_cell_that_kills_two_workers_is_not_trained_again_and_the_run_goes_on(world: World) -> None:
    run = "poison"
    other = troubled(world, "exit", 0.2, 100, run)
    done = other.run(other.evolve("--run", run, "--workers", 2, *CANDIDATES))
    assert done.returncode == 0, done.stderr
    assert "crash" in done.stderr, "people are told"
    other.sound(run)
    killers = Counter(file.name.partition(".")[0] for file in (world.folder / f"trouble-{run}").iterdir())
    assert killers and max(killers.values()) == 2, killers
    folder = world.folder / "runs" / run
    assert {
        (deaths, attempt)
        for deaths, attempt in rows(folder, "SELECT deaths, attempt FROM trials WHERE deaths > 0")
    } == {(2, 2)}
    poisoned = {cell for (cell,) in rows(folder, "SELECT cell FROM trials WHERE deaths = 2")}
    done = {cell for (cell,) in rows(folder, "SELECT cell FROM trials WHERE state = 'done'")}
    assert poisoned and not poisoned & done
    reasons = {
        reason
        for (reason,) in rows(folder, "SELECT outcome ->> 'reason' FROM trials WHERE state = 'crashed'")
    }
    assert "exit code 7" in reasons


def test_scores_that_are_not_finite_are_divergences(world: World) -> None:
    other = troubled(world, "not finite", 0.3, 100, "not-finite")
    finish(other, "not-finite", 2, *CANDIDATES)
    folder = world.folder / "runs" / "not-finite"
    reasons = [
        reason
        for (reason,) in rows(folder, "SELECT outcome ->> 'reason' FROM trials WHERE state = 'diverged'")
    ]
    assert "score nan" in reasons


@pytest.mark.timing
@pytest.mark.parametrize("number", [signal.SIGHUP, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_termination_and_hang_up_stop_like_an_interrupt(world: World, number: signal.Signals) -> None:
    run, slow = f"signal-{number}", World(world.folder, True, "cache", {"SLOW": "0.3"})
    search = slow.start(slow.evolve("--run", run, "--workers", 2, *CANDIDATES), run).moved(
        2, world.folder / "runs" / run
    )
    workers = search.workers
    code, seconds = search.stop(number)
    assert (code, seconds < 5) == (130, True), (code, seconds)
    sound(world.folder / "runs" / run)
    assert not any(lives(worker) for worker in workers)


def test_a_signal_to_the_whole_group_is_no_death_of_a_worker(world: World, unbroken: str) -> None:
    run, slow = "group", World(world.folder, True, "cache", {"SLOW": "0.3"})
    search = slow.start(slow.evolve("--run", run, "--workers", 2, *CANDIDATES), run).moved(
        2, world.folder / "runs" / run
    )
    os.killpg(search.process.pid, signal.SIGTERM)
    assert search.process.wait(30) == 130
    assert rows(world.folder / "runs" / run, "SELECT sum(deaths) FROM trials") == [(0,)]
    assert finish(world, run, 2, *CANDIDATES) == unbroken


@pytest.mark.timing
def test_two_interrupts_end_a_search_at_once(world: World) -> None:
    run = "twice-interrupted"
    other = troubled(world, "stuck", 1.0, 100, run)  # its trials never end, and ignore a polite request
    search = other.start(other.evolve("--run", run, "--workers", 2), run)
    until(lambda: started(world.folder, run), "a worker hangs")
    workers = search.workers
    search.process.send_signal(signal.SIGINT)
    search.said("Stopping")
    code, seconds = search.stop(signal.SIGINT)
    assert code == 130 and seconds < 2, (code, seconds)
    assert "Traceback" not in search.log.read_text()
    assert not any(lives(worker) for worker in workers)


@pytest.mark.timing
@pytest.mark.slow
def test_an_interrupt_does_not_wait_for_a_worker_that_hangs(world: World) -> None:
    run = "hangs"
    other = troubled(world, "stuck", 1.0, 100, run)
    search = other.start(other.evolve("--run", run, "--workers", 1), run)
    until(lambda: started(world.folder, run), "a worker hangs")
    code, seconds = search.stop(signal.SIGINT)
    assert code == 130 and seconds < 5, (code, seconds)
    sound(world.folder / "runs" / run)


def test_the_second_driver_of_a_run_is_turned_away_and_a_dead_one_is_replaced_at_once(world: World) -> None:
    run, slow = "locked", World(world.folder, True, "cache", {"SLOW": "0.5"})
    command = slow.evolve("--run", run, "--workers", 1, *CANDIDATES)
    first = slow.start(command, run).moved(0, world.folder / "runs" / run)
    second = slow.run(command)
    assert second.returncode == 3, second.stderr
    assert str(first.process.pid) in second.stderr and "since" in second.stderr and "host" in second.stderr
    assert second.stderr.startswith("Error: ") and "Traceback" not in second.stderr
    first.kill()
    assert finish(world, run, 2, *CANDIDATES)


def test_two_searches_without_a_name_get_a_run_each(tmp_path: Path) -> None:
    world = World(tmp_path / "world", faked=True)
    searches = [
        world.start(world.evolve("--workers", 1, "--max-candidates", 4), f"{number}") for number in range(3)
    ]
    codes = [search.process.wait(60) for search in searches]
    assert codes == [0, 0, 0], [search.log.read_text() for search in searches]
    made = [path for path in (tmp_path / "world" / "runs").iterdir() if path.name.startswith(("tiny", "."))]
    assert all(path.name.startswith("tiny-") for path in made), made
    boards = set()
    for path in made:
        sound(path)
        boards.add(world.board(path.name))
    assert len(boards) == 1


@pytest.mark.slow
def test_of_many_starters_of_one_run_one_wins(world: World) -> None:
    slow = World(world.folder, True, "cache", {"SLOW": "0.5"})
    searches = [
        slow.start(slow.evolve("--run", "race", "--workers", 1, "--max-candidates", 6), f"race{n}")
        for n in range(10)
    ]
    codes = Counter(search.process.wait(60) for search in searches)
    assert codes == {0: 1, 3: 9}, [search.log.read_text() for search in searches]
    sound(world.folder / "runs" / "race")


@pytest.mark.parametrize(
    ("modules", "slow"),
    [
        ("archsearch.actions.evolve, archsearch.cli.evolve", {"torch", "scipy.special", "scipy.optimize"}),
        ("archsearch.workers.process", {"scipy.special", "scipy.optimize", "matplotlib"}),
    ],
)
def test_a_driver_begins_without_torch_and_no_process_begins_with_what_it_may_never_need(
    modules: str, slow: set[str]
) -> None:
    code = f"import {modules}, sys; print(*{slow!r} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.split() == []


COMMITS = """
import os, sys
from archsearch.workers import pool
from archsearch.store.database import Database
from tests.helpers.fakes import main as fake

if __name__ == "__main__":
    moment, when = int(sys.argv[1]), sys.argv[2]
    commit, count = Database._commit, 0

    def dying(database):
        global count
        count += 1
        if count == moment and when == "before":
            os._exit(9)
        commit(database)
        if count == moment:
            os._exit(9)

    Database._commit = dying
    pool._main = fake
    from archsearch.cli import main
    main(sys.argv[3:])
"""


def dies_at(world: World, run: str, moment: int, when: str, *more: object) -> int:
    """Run a search that ends at its n-th commit, and return its exit code."""
    (world.folder / "dying.py").write_text(COMMITS)
    command = world.evolve("--run", run, "--workers", 2, *CANDIDATES)
    command[1:3] = ["dying.py", str(moment), when]
    return world.run(command).returncode


def taken_up(world: World, unbroken: str, moments: list[int], whens: list[str]) -> None:
    for moment in moments:
        for when in whens:
            run = f"commit-{moment}-{when}"
            assert dies_at(world, run, moment, when) == 9
            folders = [path.name for path in (world.folder / "runs").iterdir()]
            assert (run in folders) == (moment > 1), "no half-made run"
            assert finish(world, run, 2, *CANDIDATES) == unbroken, run


def test_a_driver_that_dies_at_a_commit_is_taken_up(world: World, unbroken: str) -> None:
    taken_up(world, unbroken, [40], ["before"])


def test_a_driver_that_dies_while_it_makes_its_run_leaves_no_run(world: World) -> None:
    assert dies_at(world, "never-made", 1, "after") == 9
    assert "never-made" not in {path.name for path in (world.folder / "runs").iterdir()}


@pytest.mark.slow
def test_a_driver_that_dies_at_any_commit_is_taken_up(world: World, unbroken: str) -> None:
    taken_up(world, unbroken, [2, 3, 5, 20, 52, 75], ["before", "after"])


def test_a_lock_of_another_process_is_seen(tmp_path: Path) -> None:
    with Lock(tmp_path), pytest.raises(RunLocked, match="process .* on host .* since"), Lock(tmp_path):
        pass
    with Lock(tmp_path):
        pass


@pytest.mark.parametrize("cell", ["= (SELECT cell FROM steps WHERE number = 9)", f"= '{GRU}'"])
@pytest.mark.parametrize("limit", [CANDIDATES, ("--max-time", "1s")])
def test_results_of_told_steps_that_do_not_hold_are_trained_again_and_nothing_changes(
    world: World, unbroken: str, tmp_path: Path, cell: str, limit: tuple[object, ...]
) -> None:
    run = tmp_path / "altered"
    shutil.copytree(world.folder / "runs" / "unbroken", run)
    with sqlite3.connect(run / "run.db") as connection:
        altered = connection.execute(
            f"UPDATE trials SET score = score / 2 WHERE state = 'done' AND task NOT LIKE 'memo%' AND cell {cell}"
        ).rowcount
    connection.close()
    done = world.run(world.evolve("--run", run, "--workers", 2, *limit))
    assert altered and done.returncode == 0, done.stderr
    assert board(run) == unbroken
    assert trained_again(run) - trained_again(world.folder / "runs" / "unbroken") == altered


def test_an_error_leaves_no_trial_running(world: World, tmp_path: Path) -> None:
    broken = troubled(world, "failed", 1.0, 100, "failed")
    done = broken.run(broken.evolve("--run", tmp_path / "failed", "--workers", 2, *CANDIDATES))
    assert done.returncode == 2 and "the task broke" in done.stderr
    assert rows(tmp_path / "failed", "SELECT count(*) FROM trials WHERE state = 'running'") == [(0,)]
    sound(tmp_path / "failed")


@pytest.mark.slow
def test_a_run_that_other_programs_hold_is_not_called_damaged(
    world: World, unbroken: str, tmp_path: Path
) -> None:
    holder = sqlite3.connect(world.folder / "runs" / "unbroken" / "run.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        found = world.run(world.evolve("--run", "unbroken", "--workers", 1, "--max-candidates", 40))
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert found.returncode == 3 and "damaged" not in found.stderr, found.stderr


def test_more_workers_than_a_run_keeps_busy_are_worth_a_hint() -> None:
    plan = run_plan(look_ahead=8)
    assert look_ahead_hint(plan, 8) == ""
    assert "--set search.look_ahead=9" in look_ahead_hint(plan, 9)
