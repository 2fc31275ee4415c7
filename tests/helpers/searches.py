"""Searches that tests start, kill and compare: the command in a process of its own, in a folder with two small tasks."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

from archsearch.protocol.records import ENDED
from archsearch.store import RunStore, as_document, read_leaderboard

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "tests" / "data" / "tiny.toml"
TRAINING = ("evolve", "judge", "confirm", "replay")
"""Commands that start workers."""

PATIENCE = 60.0
"""Seconds that anything may take before a test gives up."""

ECHO = """
import numpy as np


class Echo:
    symbols = 4

    def windows(self, split, rng, batch, unroll):
        while True:
            text = rng.integers(4, size=(unroll + 1, batch))
            yield text[1:], text[:-1], np.ones((unroll, batch), dtype=bool)
"""

Found = TypeVar("Found")


def until(look: Callable[[], Found | None], what: str) -> Found:
    """Return what `look` finds as soon as it finds something."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.005)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


@dataclass
class World:
    """A folder that searches run in.

    Attributes:
        folder: The working folder, with `song.txt` and `echo.py`.
        faked: Whether workers are those of `fakes.py`.
        cache: The folder of the reference cache.
        environment: More variables.
        patience: Seconds that a command may take from its start to its end.
    """

    folder: Path
    faked: bool = False
    cache: str = "cache"
    environment: dict[str, str] = field(default_factory=dict)
    patience: float = 3 * PATIENCE

    def __post_init__(self) -> None:
        rng = random.Random(0)
        self.folder.mkdir(exist_ok=True)
        (self.folder / "song.txt").write_text(
            "".join(rng.choice(["la la ", "li lo ", "do re "]) for _ in range(400))
        )
        (self.folder / "echo.py").write_text(ECHO)

    def command(self, *arguments: object) -> list[str]:
        """Return a command line of archsearch; what trains has one worker, a process each, where nothing else is said."""
        module = "tests.helpers.fakes" if self.faked else "archsearch"
        alone = ("--workers", 1) if arguments[0] in TRAINING and "--workers" not in arguments else ()
        return [sys.executable, "-m", module, *map(str, (*arguments, *alone))]

    def evolve(self, *arguments: object) -> list[str]:
        """Return the command line of a search with the tiny preset and this world's tasks."""
        tasks = (
            ["--tasks", "xml,arithmetic"]
            if self.faked
            else ["--task", "text:song.txt", "--task", "echo.py:Echo"]
        )
        return self.command("evolve", "--preset", TINY, *tasks, *arguments)

    @property
    def env(self) -> dict[str, str]:
        """The environment of its processes."""
        own = {
            "PYTHONPATH": str(ROOT),
            "ARCHSEARCH_CACHE": str(self.folder / self.cache),
            "ARCHSEARCH_CORES": "4",
        }
        return {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "TROUBLE_FOLDER": str(self.folder),
            **own,
            **self.environment,
        }

    def run(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        options = {"env": self.env, "cwd": self.folder, "timeout": self.patience, **options}
        return subprocess.run(command, capture_output=True, text=True, **options)

    def start(self, command: list[str], name: str) -> Running:
        """Start a command that is to be interrupted."""
        log = self.folder / f"{name}-{len(list(self.folder.glob('*.log')))}.log"
        with log.open("w") as out, not_under_nohup():
            process = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=out,
                env=self.env,
                cwd=self.folder,
                start_new_session=True,
            )
        return Running(process, log)

    def board(self, run: str) -> str:
        """Return a run's leaderboard as text, without the run's name."""
        return board(self.folder / "runs" / run)

    def sound(self, run: str) -> None:
        """Check that a run's database holds together."""
        sound(self.folder / "runs" / run)


@contextmanager
def not_under_nohup() -> Iterator[None]:
    """Let what is started meanwhile end by a hang-up: a search under nohup ignores them, on purpose."""
    if threading.current_thread() is not threading.main_thread():  # which alone may set handlers
        yield
        return
    inherited = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, inherited)


@dataclass
class Running:
    """A search that goes on."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self, text: str, times: int = 1) -> Running:
        """Wait until it has said something so many times."""

        def look() -> bool:
            assert self.process.poll() is None or self.log.read_text().count(text) >= times, (
                self.log.read_text()
            )
            return self.log.read_text().count(text) >= times

        until(look, f"{text!r} in {self.log}")
        return self

    def moved(self, step: int, folder: Path) -> Running:
        """Wait until a step is told, or, if it was told before, until any other is or the search ends."""

        def told() -> int:
            try:
                return int(rows(folder, "SELECT count(*) FROM steps WHERE verdict IS NOT NULL")[0][0])
            except sqlite3.OperationalError:  # not made yet
                return 0

        least = max(step, told())
        until(lambda: told() > least or self.process.poll() is not None, f"step {step} of {folder}")
        return self

    @property
    def workers(self) -> list[psutil.Process]:
        """Its worker processes."""
        try:
            children = psutil.Process(self.process.pid).children()
            return [child for child in children if _is_worker(" ".join(child.cmdline()))]
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """End it with SIGKILL; its workers must be gone within 2 seconds."""
        workers = self.workers
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        end = time.monotonic() + 2
        while alive := [worker for worker in workers if lives(worker)]:
            assert time.monotonic() < end, f"workers outlived their driver: {alive}"

    def stop(self, number: int = signal.SIGINT) -> tuple[int, float]:
        """Send a signal; return the exit code, and the seconds it took to end."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout=PATIENCE)
        return code, time.monotonic() - began


def _is_worker(command: str) -> bool:
    """Whether this is the command line of a worker, which has a title once its run is known."""
    return ": worker " in command or "spawn_main" in command


def lives(process: psutil.Process) -> bool:
    """Whether a process still does anything; one that ended may wait for its parent to notice."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def killed(world: World, run: str, seed: int, kills: int, workers: int, steps: int, *more: object) -> str:
    """Kill a search at random moments, take it up each time, and return its leaderboard."""
    rng = random.Random(seed)
    for moment in sorted(rng.randrange(steps) for _ in range(kills)):
        search = world.start(world.evolve("--run", run, "--workers", workers, *more), run)
        search.moved(moment, world.folder / "runs" / run)
        search.kill()
        print(f"seed {seed}: killed at or after step {moment}")
    return finish(world, run, workers, *more)


def finish(world: World, run: str, workers: int, *more: object) -> str:
    """Let a search end, check its database, and return its leaderboard."""
    done = world.run(world.evolve("--run", run, "--workers", workers, *more))
    assert done.returncode == 0, done.stderr
    world.sound(run)
    return world.board(run)


def trained_again(folder: Path) -> int:
    """Return how many attempts there were besides the first of each trial."""
    return int(rows(folder, "SELECT coalesce(sum(attempt - 1), 0) FROM trials")[0][0])


def board(folder: Path) -> str:
    """Return a run's leaderboard as text, without the run's name."""
    with RunStore.open(folder) as store:
        document = as_document(read_leaderboard(store, folder.name))
    del document["run"]
    return json.dumps(document, indent=1, allow_nan=False)


def mutants(text: str) -> int:
    """Return how many ranked cells of a leaderboard are mutants."""
    return sum(row["rank"] is not None and not row["reference"] for row in json.loads(text)["rows"])


def rows(folder: Path, query: str) -> list[Any]:
    """Return what a query finds in a run's database."""
    connection = sqlite3.connect(f"file:{folder / 'run.db'}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def sound(folder: Path) -> None:
    """Check that a run's database holds together."""
    assert rows(folder, "PRAGMA integrity_check") == [("ok",)]
    numbers = [number for (number,) in rows(folder, "SELECT number FROM steps ORDER BY number")]
    assert numbers == list(range(len(numbers)))
    told = [verdict is not None for (verdict,) in rows(folder, "SELECT verdict FROM steps ORDER BY number")]
    assert told == sorted(told, reverse=True), "a step was told before one of its elders"
    assert not rows(folder, "SELECT key FROM trials WHERE state = 'running'"), "trials are left running"
    assert not rows(folder, f"SELECT key FROM trials WHERE state IN {ENDED} AND outcome IS NULL")
    assert not rows(folder, "SELECT key FROM trials WHERE state = 'done' AND score IS NULL")
    assert not rows(folder, "SELECT cell FROM steps WHERE cell <> '' AND cell NOT IN (SELECT id FROM cells)")
