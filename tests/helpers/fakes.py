"""Worker processes without torch: they answer at once, from a simulated world, and make trouble when they are told to.

`main` takes the place of `pool._main`. As a program (`python -m tests.helpers.fakes evolve ...`) this file is the command
`archsearch` with such workers, so that its driver can be killed. The environment says what the workers do:

    TROUBLE=KIND:SHARE:TIMES   a share of all cells make this trouble, each of their trials so many times
    TROUBLE_FOLDER=DIR         where it is counted
    SLOW=SECONDS               how long a trial takes, at most
    FAKE_ENGINE=NAME           what they say they train with
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from msgspec.structs import replace

from archsearch.protocol.records import Outcome, Trial
from archsearch.workers import messages, pool
from archsearch.workers.entry import die_with, leave_signals_to_the_driver
from archsearch.workers.guard import end_descendants_with_this
from archsearch.workers.messages import Alive, Facts, Failed, Hello, Job, Probe, Result, Title
from tests.helpers.plans import FACTS, GRU, MEMORY, World, chance

MACHINE, ENGINE = "no machine", "simulated 1"
KNOWN = {facts.name: facts for facts in (*FACTS.values(), MEMORY)}


def main(pipe: Connection, device: str, data: str | None, driver: int) -> None:
    """Serve like `process.serve`, after the same beginning."""
    leave_signals_to_the_driver()
    die_with(driver)
    end_descendants_with_this()
    kind, _, rest = os.environ.get("TROUBLE", "").partition(":")
    if kind == "no start":
        pipe.send_bytes(messages.encode(Failed("Traceback: no module named torch", 1)))
        os._exit(1)
    while kind == "never ready":
        time.sleep(60)
    pipe.send_bytes(messages.encode(Hello(MACHINE, os.environ.get("FAKE_ENGINE", ENGINE))))
    while True:
        request = messages.decode_for_worker(pipe.recv_bytes())
        if isinstance(request, Title):
            continue
        if isinstance(request, Probe):
            pipe.send_bytes(messages.encode(Facts(KNOWN[request.task])))
            continue
        pipe.send_bytes(messages.encode(Alive(request.number, 0)))
        trial = request.trials[0]
        if rest and _due(trial, *rest.split(":")):
            TROUBLES[kind](pipe, request)
        else:
            answer(pipe, request)


def answer(pipe: Connection, job: Job) -> None:
    """Send each trial's result after a while, which differs from worker to worker."""
    for index, trial in enumerate(job.trials):
        time.sleep(float(os.environ.get("SLOW", "0.02")) * chance("slow", trial.key, os.getpid()))
        pipe.send_bytes(messages.encode(Result(job.number, index, World(fails=0.3)(trial))))


def _due(trial: Trial, share: str, times: str) -> bool:
    """Whether a trial makes trouble now; the GRU makes none, a search needs it."""
    if trial.cell == GRU or chance("trouble", trial.cell) >= float(share):
        return False
    folder = Path(os.environ["TROUBLE_FOLDER"])
    count = len(list(folder.glob(f"{trial.key}.*")))
    if count >= int(times):
        return False
    (folder / f"{trial.key}.{count}").touch()
    return True


def _closed(pipe: Connection, job: Job) -> None:
    pipe.close()
    time.sleep(60)


def _halfway(pipe: Connection, job: Job) -> None:
    """Die after two trials of a larger job; what is left of it goes well."""
    answer(pipe, replace(job, trials=job.trials[:2]) if len(job.trials) > 3 else job)
    if len(job.trials) > 3:
        os.kill(os.getpid(), signal.SIGKILL)


def _stuck(pipe: Connection, job: Job) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)


def _half(pipe: Connection, job: Job) -> None:
    os.write(pipe.fileno(), (100).to_bytes(4, "big") + b"half")
    time.sleep(60)


def _twice(pipe: Connection, job: Job) -> None:
    answer(pipe, job)
    pipe.send_bytes(messages.encode(Result(job.number, 0, Outcome("done", score=0.123))))


def _after_the_result(pipe: Connection, job: Job) -> None:
    answer(pipe, job)
    os.kill(os.getpid(), signal.SIGKILL)


def _sometime(pipe: Connection, job: Job) -> None:
    """Be killed at a moment that the trial alone decides: when it begins, half way, or after its result."""
    moment = chance("moment", job.trials[0].key)
    if moment > 2 / 3:
        _after_the_result(pipe, job)
    time.sleep(float(os.environ.get("SLOW", "0.02")) * moment * (moment > 1 / 3))
    os.kill(os.getpid(), signal.SIGKILL)


def _parent(pipe: Connection, job: Job, leaves: bool = False) -> None:
    """Die as the parent of a process that would go on for long, and may have left the worker's session."""
    child = subprocess.Popen(["sleep", "300"], start_new_session=leaves)
    (Path(os.environ["TROUBLE_FOLDER"]) / "child").write_text(str(child.pid))
    os.kill(os.getpid(), signal.SIGKILL)


def _not_finite(pipe: Connection, job: Job) -> None:
    outcome = World(fails=0.3)(job.trials[0])
    pipe.send_bytes(
        messages.encode(Result(job.number, 0, replace(outcome, score=float("nan"), nll=float("inf"))))
    )


TROUBLES = {
    "exit": lambda pipe, job: os._exit(7),
    "kill": lambda pipe, job: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": lambda pipe, job: ctypes.string_at(0),
    "abort": lambda pipe, job: os.abort(),
    "sometime": _sometime,
    "after": _after_the_result,
    "halfway": _halfway,
    "garbage": lambda pipe, job: pipe.send_bytes(b"\xc1 no message"),
    "huge": lambda pipe, job: os.write(pipe.fileno(), (1 << 30).to_bytes(4, "big")),
    "half": _half,
    "closed": _closed,
    "stuck": _stuck,
    "twice": _twice,
    "not finite": _not_finite,
    "parent": _parent,
    "parent of a daemon": lambda pipe, job: _parent(pipe, job, leaves=True),
    "compiler": lambda pipe, job: pipe.send_bytes(
        messages.encode(Result(job.number, 0, Outcome("crashed", reason="cc1plus was killed")))
    ),
    "oom": lambda pipe, job: pipe.send_bytes(
        messages.encode(Result(job.number, 0, Outcome("oom", reason="no memory")))
    ),
    "error": lambda pipe, job: pipe.send_bytes(
        messages.encode(Result(job.number, 0, Outcome("error", reason="boom")))
    ),
    "failed": lambda pipe, job: pipe.send_bytes(messages.encode(Failed("the task broke", 2))),
}

if __name__ == "__main__":
    from archsearch.cli import main as archsearch
    from archsearch.workers.cluster import pool as cluster_pool
    from tests.helpers.clusters import fake_bridge
    from tests.helpers.fakes import main as fake  # by its real name: a worker must find it

    pool._main, cluster_pool._bridge = fake, fake_bridge
    sys.exit(archsearch())
