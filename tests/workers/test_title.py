"""What ps and top show of workers, and what a title leaves as it was."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil

from archsearch.workers.pool import WorkerPool
from tests.helpers.searches import until

PROGRAM = """
from archsearch.workers.title import call_this_process
call_this_process("a title " + 5_000 * "x")
print(open("/proc/self/environ").read())
print(" ".join(open("/proc/self/cmdline").read().split(chr(0))))
"""


def _command(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


def test_workers_are_called_by_what_they_do_and_so_are_those_that_take_their_places() -> None:
    with WorkerPool(["cpu", "cpu"], None) as pool:
        pool.name_workers("archsearch evolve first")

        def named() -> bool:
            list(pool.events(0.1))
            titles = [_command(psutil.Process(worker.process.pid)) for worker in pool.workers]
            return all(
                title.startswith(f"archsearch evolve first: worker {n}") for n, title in enumerate(titles)
            )

        until(named, "the titles of the workers")
        pool.workers[1].process.kill()
        time.sleep(0.1)
        until(named, "the title of the worker in its place")


def test_a_title_never_runs_on_over_the_environment_by_which_a_guard_knows_a_process() -> None:
    environment = {"ARCHSEARCH_WORKER": "the mark", "LAST": "here"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    shown, title = done.stdout.splitlines()
    assert "ARCHSEARCH_WORKER=the mark" in shown and "LAST=here" in shown
    assert title.startswith("a title x")
