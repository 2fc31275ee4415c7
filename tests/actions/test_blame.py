"""What the host does to a search is never final, and what ends it is said as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.helpers.searches import TINY, World, lives, rows, until

FEW = ("--max-candidates", 4, "--workers", 2)

ALONE = ("--max-candidates", 3, "--workers", 1)
"""One worker: its first compilation is what it starts with."""

COMPILER = """#!/bin/sh
for word in "$@"; do
    if [ "$word" = -shared ] && [ -e {flag} ]; then
        count=$(($(cat {flag}) - 1)); echo $count > {flag}
        if [ $count -lt 0 ]; then {trouble}; fi
    fi
done
exec {real} "$@"
"""

FULL = "echo '/usr/bin/ld: final link failed: No space left on device' >&2; exit 1"
KILLED = "kill -9 $$"


def compiler(world: World, trouble: str) -> Path:
    """Let a world's compiler make trouble while the file that is returned is there, once it holds a number below 1."""
    flag = world.folder / "trouble"
    path = world.folder / "cxx"
    path.write_text(COMPILER.format(flag=flag, trouble=trouble, real=os.environ.get("CXX", "c++")))
    path.chmod(0o700)
    world.environment["CXX"] = str(path)
    return flag


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
def test_a_full_cache_stops_a_search_with_5_and_changes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    flag = compiler(world, FULL)
    done = world.run(world.evolve("--run", "unbroken", *FEW))
    assert done.returncode == 0, done.stderr
    world.cache = "another"
    flag.write_text("4")
    stopped = world.run(world.evolve("--run", "full", *FEW))
    assert stopped.returncode == 5, stopped.stderr
    assert "No space left on device" in stopped.stderr and "nothing is lost" in stopped.stderr
    ended = rows(world.folder / "runs" / "full", "SELECT DISTINCT state FROM trials")
    assert set(ended) <= {("done",), ("diverged",), ("interrupted",)}, "nothing of it is recorded"
    flag.unlink()
    assert world.run(world.evolve("--run", "full", *FEW)).returncode == 0
    assert world.board("full") == world.board("unbroken")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 KB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k,mode=700", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
@pytest.mark.parametrize("what", ["ARCHSEARCH_CACHE", "TMPDIR"])
def test_a_small_disk_for_the_cache_or_temporary_files_stops_a_search_with_5(
    tmp_path: Path, small_disk: Path, what: str
) -> None:
    world = World(tmp_path / "world")
    assert world.run(world.evolve("--run", "unbroken", *FEW)).returncode == 0
    if what == "TMPDIR":
        (small_disk / "fill").write_bytes(bytes(390_000))
        world.cache = "another"
    world.environment = {what: str(small_disk), "CXX": "c++"}
    stopped = world.run(world.evolve("--run", "full", *FEW))
    assert stopped.returncode == 5, stopped.stderr
    assert f"Error: {small_disk}: " in stopped.stderr and "No space left on device" in stopped.stderr
    world.environment = {}
    assert world.run(world.evolve("--run", "full", *FEW)).returncode == 0
    assert world.board("full") == world.board("unbroken")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
def test_a_compiler_that_is_killed_stops_a_search_at_a_reference_and_changes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    flag = compiler(world, KILLED)
    assert world.run(world.evolve("--run", "unbroken", *ALONE)).returncode == 0
    world.cache = "another"
    flag.write_text("1")
    stopped = world.run(world.evolve("--run", "killed", *ALONE))
    assert stopped.returncode == 1, stopped.stderr
    assert "gru cannot be trained: two workers" in stopped.stderr and "show killed/" in stopped.stderr
    flag.unlink()
    assert world.run(world.evolve("--run", "killed", *ALONE)).returncode == 0
    assert world.board("killed") == world.board("unbroken")


@pytest.mark.slow
def test_a_compiler_ends_with_a_driver_that_is_killed(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    compiler(world, "sleep 777").write_text("0")

    def compilers() -> list[psutil.Process]:
        ours = str(world.folder / "cxx")
        return [each for each in psutil.process_iter(["cmdline"]) if ours in (each.info["cmdline"] or ())]

    def with_children() -> list[psutil.Process]:
        called = [child for each in compilers() for child in each.children()]
        return [*compilers(), *called] if called else []

    search = world.start(world.evolve("--run", "killed", *FEW), "killed")
    try:
        found = until(with_children, "a compiler that calls another program")
    finally:
        search.kill()
    until(lambda: not any(lives(each) for each in found), "the end of the compiler and what it called")


PATIENT = """
from archsearch.cli import main
main()
"""
IMPATIENT = f"""
from archsearch.workers import patience
patience.SILENCE = 5.0
{PATIENT}
"""


HOSTILE = {
    "exit": ("os._exit(3)", "two workers, one after the other, ended while they trained it"),
    "abort": ("os.abort()", "(SIGABRT)"),
    "interrupt": ("raise KeyboardInterrupt", "hostile.py:Hostile, split 'train': KeyboardInterrupt"),
    "base": ("raise BaseException('odd')", "hostile.py:Hostile, split 'train': BaseException: odd"),
    "descriptors": ("os.closerange(3, 256)", "gru cannot be trained: two workers"),
    "sleep": ("time.sleep(1e6)", "no sign of life for 5 s; the task may wait for ever"),
    "nothing": (
        "scored = split != 'valid'",
        "hostile.py:Hostile, split 'valid': nothing is scored in the first 100 windows",
    ),
}

LATE = "split == 'train' and number == LATER"
SAID_BY_THE_TASK = ("interrupt", "base", "nothing")
"""What ends as an error of the task and not as a failure of its host."""

TASK = """
import itertools, os, time
import numpy as np

LATER = 6  # the first windows are looked at before anything is trained

class Hostile:
    symbols = 4

    def windows(self, split, rng, batch, unroll):
        scored = True
        for number in itertools.count():
            if {when}:
                {deed}
            text = rng.integers(4, size=(unroll + 1, batch))
            yield text[1:], text[:-1], np.full((unroll, batch), scored)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_task_on_which_the_gru_cannot_be_trained_stops_the_search_with_its_true_cause(
    tmp_path: Path, kind: str
) -> None:
    deed, words = HOSTILE[kind]
    world = World(tmp_path / "world", environment={"ARCHSEARCH_ENGINE": "interpreter"})
    (world.folder / "hostile.py").write_text(
        TASK.format(deed=deed, when="True" if kind == "nothing" else LATE)
    )
    words_of = (
        "evolve",
        "--preset",
        TINY,
        "--workers",
        1,
        "--task",
        "hostile.py:Hostile",
        "--run",
        "hostile",
    )
    # Only what waits for ever needs little patience: a busy machine may keep any other worker silent for so long.
    program = IMPATIENT if kind == "sleep" else PATIENT
    stopped = world.run([sys.executable, "-c", program, *map(str, words_of)])
    assert stopped.returncode == (2 if kind in SAID_BY_THE_TASK else 1), stopped.stderr
    assert words in " ".join(stopped.stderr.split())
    assert "raise its steps" not in stopped.stderr
