"""A way to call a command in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsearch.cli.main import run_command
from tests.helpers.commands import Call, Result


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call a command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHSEARCH_CORES", "2")

    def called(*arguments: object) -> Result:
        capsys.readouterr()
        code = run_command([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return called
