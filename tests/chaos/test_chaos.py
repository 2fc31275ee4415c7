"""Kills, damage and readers at seeded random moments, and a long run: the end is byte-identical to an unbroken one."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from archsearch.errors import StoreError
from archsearch.store import RunStore, make_run
from archsearch.store.salvage import salvage
from tests.chaos.conftest import Numbers, Sizes
from tests.helpers.in_process import search_on
from tests.helpers.plans import done, run_plan
from tests.helpers.searches import ROOT, Running, World, board, finish, rows, sound, trained_again

CANDIDATES = 24
ARGUMENTS = ("--max-candidates", CANDIDATES)
AT_ONCE = 2
"""Searches side by side."""

KILLS_OF_A_RUN = 20
KILLS_AT_MOST = 200
"""About as many workers as one search loses if every cell kills some."""

STEPS_OF_A_RUN = 38
PATIENCE = 600.0
"""Seconds that a search may take for its trials, on a machine that does much else."""

OF_A_KILL = 10.0
"""Seconds more for each worker that is killed, in which another one starts."""

WAL_MOST = 16 << 20
LATE = 0.1
"""Seconds that readers may keep a commit waiting."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world", faked=True)


@pytest.fixture
def unbroken(world: World) -> str:
    return finish(world, "unbroken", 2, *ARGUMENTS)


def side_by_side(work: Callable[[int], int], count: int) -> list[int]:
    """Return what `work` returns for 0 to count - 1, some at the same time."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(work, range(count)))


# -- kills -----------------------------------------------------------------------------------------------------------


def test_kills_of_the_driver_change_nothing(
    world: World, unbroken: str, sizes: Sizes, numbers: Numbers
) -> None:
    began = time.monotonic()

    def broken(number: int) -> int:
        rng = random.Random(f"drivers {sizes.seed} {number}")
        kills = min(KILLS_OF_A_RUN, sizes.driver_kills - number * KILLS_OF_A_RUN)
        workers, run = rng.choice([1, 2, 4]), f"driver-{number}"
        slow = World(world.folder, True, f"cache-{number}", {"SLOW": "0.1"}, PATIENCE)
        for moment in sorted(rng.randrange(-1, STEPS_OF_A_RUN) for _ in range(kills)):
            search = slow.start(slow.evolve("--run", run, "--workers", workers, *ARGUMENTS), run)
            kill_at(search, moment, rng.uniform(0, 0.3), slow.folder / "runs" / run)
        assert finish(slow, run, workers, *ARGUMENTS) == unbroken, f"run {number} of seed {sizes.seed}"
        assert trained_again(slow.folder / "runs" / run) <= kills * workers
        return trained_again(slow.folder / "runs" / run)

    again = side_by_side(broken, -(-sizes.driver_kills // KILLS_OF_A_RUN))
    numbers.add("kills of the driver", f"{sizes.driver_kills} in {len(again)} runs")
    numbers.add("trials begun again after them", sum(again))
    numbers.add("seconds of that", f"{time.monotonic() - began:.0f}")


def kill_at(search: Running, moment: int, later: float, folder: Path) -> None:
    """Kill a search some time after a step was told, or, before the first, some time after its start."""
    if moment >= 0:
        search.moved(moment, folder)
    end = time.monotonic() + later
    while time.monotonic() < end and search.process.poll() is None:
        time.sleep(0.005)
    search.kill()


def test_kills_of_workers_change_nothing(world: World, unbroken: str, sizes: Sizes, numbers: Numbers) -> None:
    """Every trial of every cell but the GRU kills its worker once: when it begins, half way, or after its result."""
    began, killed, runs = time.monotonic(), 0, 0
    while killed < sizes.worker_kills:
        folder = world.folder / f"trouble-{runs}"
        folder.mkdir()
        share = min(1.0, (sizes.worker_kills - killed) / KILLS_AT_MOST)
        environment = {"TROUBLE": f"sometime:{share}:1", "TROUBLE_FOLDER": str(folder), "SLOW": "0.01"}
        patience = PATIENCE + OF_A_KILL * share * KILLS_AT_MOST
        other = World(world.folder, True, f"cache-{runs}", environment, patience)
        assert finish(other, f"worker-{runs}", 4, *ARGUMENTS) == unbroken, f"run {runs}"
        (deaths,) = rows(world.folder / "runs" / f"worker-{runs}", "SELECT max(deaths) FROM trials")[0]
        assert deaths == 1, "a worker's next trial, which it had not begun, is not blamed"
        killed += len(list(folder.iterdir()))
        runs += 1
    numbers.add("kills of workers", f"{killed} in {runs} runs")
    numbers.add("seconds of that", f"{time.monotonic() - began:.0f}")


# -- damage ----------------------------------------------------------------------------------------------------------


def whole_run(folder: Path) -> tuple[str, list[Path]]:
    """Search without a break; return the leaderboard, and the run as a kill after each told step would leave it."""
    make_run(folder / "run", run_plan())
    images: list[Path] = []

    def keep() -> None:
        images.append(folder / f"image-{len(images)}")
        images[-1].mkdir()
        for name in ("run.db", "run.db-wal", "run.toml"):
            shutil.copy(folder / "run" / name, images[-1])

    search_on(folder / "run", CANDIDATES, keep)
    return board(folder / "run"), images


def test_logs_that_are_cut_or_garbled_change_nothing(
    quick_disk: Path, sizes: Sizes, numbers: Numbers
) -> None:
    began = time.monotonic()
    whole, images = whole_run(quick_disk)
    lost = 0
    for number in range(sizes.logs):
        rng = random.Random(f"logs {sizes.seed} {number}")
        copy = Path(shutil.copytree(rng.choice(images), quick_disk / f"log-{number}"))
        before = count(copy)
        log = copy / "run.db-wal"
        content = bytearray(log.read_bytes())
        place = rng.randrange(len(content) + 1)
        log.write_bytes(content[:place] + (b"" if number % 2 else rng.randbytes(len(content) - place)))
        for left in copy.glob("*-shm"):
            left.unlink()
        after = count(copy)
        assert after <= before
        lost += before - after
        search_on(copy, CANDIDATES)
        assert board(copy) == whole, f"log {number} of seed {sizes.seed}"
        sound(copy)
        shutil.rmtree(copy)
    numbers.add("logs cut or garbled", f"{sizes.logs} of {len(images)} moments")
    numbers.add("results in what was cut off, trained again", lost)
    numbers.add("seconds of that", f"{time.monotonic() - began:.0f}")
    shutil.rmtree(quick_disk)


def count(folder: Path) -> int:
    with RunStore.open(folder) as store:
        return store.trials.count()


def test_salvaged_runs_end_as_the_whole_one(quick_disk: Path, sizes: Sizes, numbers: Numbers) -> None:
    """A run with a flipped bit goes on, or is refused, salvaged, and goes on then: it ends as the whole one."""
    began = time.monotonic()
    whole, images = whole_run(quick_disk)
    went_on = saved = 0
    content = (quick_disk / "run" / "run.db").read_bytes()
    for number in range(sizes.flips):
        rng = random.Random(f"flips {sizes.seed} {number}")
        damaged = bytearray(content)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        copy = quick_disk / f"flip-{number}"
        copy.mkdir()
        (copy / "run.db").write_bytes(damaged)
        shutil.copy(quick_disk / "run" / "run.toml", copy)
        try:
            search_on(copy, CANDIDATES)
            board(copy)
            went_on += 1
        except StoreError:
            salvage(copy, quick_disk / f"saved-{number}")
            copy = quick_disk / f"saved-{number}"
            search_on(copy, CANDIDATES)
            saved += 1
        assert board(copy) == whole, f"flip {number} of seed {sizes.seed}"
        shutil.rmtree(copy)
    numbers.add("flipped bits", f"{sizes.flips}: {went_on} went on, {saved} after salvage")
    numbers.add("seconds of that", f"{time.monotonic() - began:.0f}")
    shutil.rmtree(quick_disk)


# -- readers ---------------------------------------------------------------------------------------------------------

READER = """
import sys, time
from pathlib import Path
from archsearch.store import RunStore, read_leaderboard
folder, end, reads = Path(sys.argv[1]), time.monotonic() + float(sys.argv[2]), 0
print("ready", flush=True)
while time.monotonic() < end:
    began = time.monotonic()
    with RunStore.open(folder) as store:
        store.trials.count()
        reads += read_leaderboard(store, "x").told >= 0
    time.sleep(max(0, 0.05 - (time.monotonic() - began)))
print(reads)
"""


def test_readers_neither_delay_nor_harm_a_search(tmp_path: Path, sizes: Sizes, numbers: Numbers) -> None:
    make_run(tmp_path / "run", run_plan())
    search_on(tmp_path / "run", 4)
    command = [sys.executable, "-c", READER, str(tmp_path / "run"), str(sizes.reading)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(4)]
    for reader in readers:
        assert reader.stdout is not None and reader.stdout.readline() == "ready\n"
    waits, largest = written(tmp_path / "run", sizes.reading)
    reads = [int(reader.communicate(timeout=60)[0]) for reader in readers]
    assert all(reader.returncode == 0 for reader in readers)
    waits.sort()
    numbers.add("reads of 4 readers at 20 Hz", f"{sum(reads)} beside {len(waits)} commits")
    numbers.add(
        "longest commit beside them",
        f"{1000 * waits[-1]:.0f} ms, median {1000 * waits[len(waits) // 2]:.1f} ms",
    )
    numbers.add("largest log", f"{largest / 1024:.0f} KiB")
    assert min(reads) > 0 and largest <= WAL_MOST
    assert waits[-1] < LATE or sizes.reading < 10, "a commit waited for a reader"


def written(folder: Path, seconds: float) -> tuple[list[float], int]:
    """Commit results for some time; return how long each commit took, and the largest size of the log."""
    plan, waits, largest, number = run_plan(), [], 0, 0
    with RunStore.open(folder, write=True) as store:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            trial = plan.trial("c0", "xml", plan.settings["xml"][0], seed=number)
            attempt = store.trials.claim(trial, 1)
            began = time.monotonic()
            store.trials.finish(trial, attempt, done(0.5))
            waits.append(time.monotonic() - began)
            largest = max(largest, (folder / "run.db-wal").stat().st_size)
            number += 1
    return waits, largest


# -- soak ------------------------------------------------------------------------------------------------------------

GROWTH = 1.25
"""Memory at the end over that after the first fifth."""


def measured(process: psutil.Process) -> dict[str, int]:
    """Return what a process holds: memory in bytes, descriptors, mappings.

    A worker that compiles has pipes to the compiler for a moment, so the least of some looks counts.
    """
    looks = []
    for _ in range(4):
        mappings = Path(f"/proc/{process.pid}/maps").read_text().count("\n")
        looks.append(
            {"MiB": process.memory_info().rss >> 20, "descriptors": process.num_fds(), "mappings": mappings}
        )
        time.sleep(0.02)
    return {kind: min(look[kind] for look in looks) for kind in looks[0]}


def test_a_long_run_holds_what_it_held(tmp_path: Path, sizes: Sizes, numbers: Numbers) -> None:
    """Real workers, which compile and train every candidate."""
    began = time.monotonic()
    world = World(tmp_path / "world", environment={"TMPDIR": str(tmp_path / "tmp")})
    (tmp_path / "tmp").mkdir()
    folder = world.folder / "runs" / "soak"
    search = world.start(
        world.evolve("--run", "soak", "--workers", 2, "--max-candidates", sizes.candidates), "soak"
    )
    marks: list[list[dict[str, int]]] = []
    for share in (0.15, 0.35, 0.55):  # the workers end before the last candidates are told
        until_told(search, folder, int(share * sizes.candidates))
        marks.append([measured(process) for process in (psutil.Process(search.process.pid), *search.workers)])
    assert search.process.wait(timeout=600) == 0, search.log.read_text()
    for kind in ("MiB", "descriptors", "mappings"):
        for who, place in (("driver", 0), ("worker", 1)):
            words = " -> ".join(str(mark[place][kind]) for mark in marks)
            numbers.add(f"soak of {sizes.candidates} candidates: {kind} of the {who}", words)
    numbers.add("seconds of that", f"{time.monotonic() - began:.0f}")
    sound(folder)
    assert not list((tmp_path / "tmp").iterdir()), "temporary files are left"
    assert not list((world.folder / world.cache).rglob(".archsearch-*")), "half files are left"
    for place in range(3):
        first, *_, last = (mark[place] for mark in marks)
        assert last["descriptors"] <= first["descriptors"] + 2
        assert last["MiB"] <= GROWTH * first["MiB"] or sizes.candidates < 200


def until_told(search: Running, folder: Path, candidates: int) -> None:
    """Wait until a run has so many candidates."""
    query = "SELECT count(DISTINCT cell) FROM steps WHERE verdict IS NOT NULL"
    end = time.monotonic() + 1200
    while time.monotonic() < end and search.process.poll() is None:
        if (folder / "run.db").exists() and rows(folder, query)[0][0] >= candidates:
            return
        time.sleep(0.2)
    raise AssertionError(f"not {candidates} candidates: {search.log.read_text()[-2000:]}")
