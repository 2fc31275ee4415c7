"""The command line, called in this process or in one of its own, and the finished run that many tests read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.sources import ROOT

TINY = ROOT / "tests" / "cli" / "tiny.toml"


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Finished:
    """A finished run: the folder of its runs, and how the search that made it ended."""

    runs: Path
    search: Result

    @property
    def folder(self) -> Path:
        return self.runs / "tiny-1"


Call = Callable[..., Result]


def program(*arguments: object, **environment: str) -> Result:
    """Run the command in a process of its own, with its output piped; what trains has one worker, a process each."""
    done = subprocess.run(
        [sys.executable, "-m", "archsearch", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "ARCHSEARCH_CORES": "1", **environment},
        timeout=120,
    )
    return Result(done.returncode, done.stdout, done.stderr)
