"""One finished run for all tests of the command line, and a way to call a command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from archsearch.cli.main import run
from tests.helpers.sources import ROOT

TINY = Path(__file__).parent / "tiny.toml"


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
    """Run the command in a process of its own, with its output piped."""
    done = subprocess.run(
        [sys.executable, "-m", "archsearch", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "ARCHSEARCH_CORES": "2", **environment},
        timeout=120,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A search of a few seconds to its end. Tests read it; those that write take a `copied` one."""
    runs = tmp_path_factory.mktemp("runs")
    search = program("evolve", "--runs", runs, "--preset", TINY, FORCE_COLOR="1")
    assert search.code == 0, search.err
    return Finished(runs, search)


@pytest.fixture
def copied(finished: Finished, tmp_path: Path) -> Finished:
    """A copy of the finished run that a test may spoil."""
    shutil.copytree(finished.folder, tmp_path / "runs" / "tiny-1")
    return Finished(tmp_path / "runs", finished.search)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call a command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHSEARCH_CORES", "2")

    def called(*arguments: object) -> Result:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return called
