"""The doctor: what it says of this machine and of runs, its exit codes, and salvage up to the same leaderboard."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from archsearch.actions.host_checks import HOST_CHECKS
from archsearch.actions.run_checks import RUN_CHECKS
from archsearch.store import Lock
from tests.helpers.commands import Call, Finished, program
from tests.helpers.searches import board
from tests.helpers.sources import ROOT


def execute(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "run.db")) as connection, connection:
        connection.execute(statement)


def test_this_machine_is_looked_at_in_lines_that_end_with_the_verdict(call: Call) -> None:
    done = call("doctor")
    lines = done.out.splitlines()
    assert done.code == 0 and [line[2:].split("  ")[0] for line in lines[:-1]] == list(HOST_CHECKS)
    assert lines[-1].startswith("All ")
    assert sqlite3.sqlite_version in done.out


def test_an_old_sqlite_is_worth_a_look_and_no_failure(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))
    assert "? sqlite" in call("doctor").out
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
    assert "  sqlite" in call("doctor").out


def test_a_cache_that_others_may_write_does_not_work(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path / "open"))
    done = call("doctor")
    assert done.code == 1 and "! cache" in done.out
    assert done.out.endswith("Does not work here: cache.\n")


def test_a_sound_run_is_said_to_be_sound(call: Call, finished: Finished) -> None:
    done = call("doctor", finished.folder)
    lines = done.out.splitlines()
    assert done.code == 0, done.out
    assert [line[2:].split("  ")[0] for line in lines[:-1]] == list(RUN_CHECKS)
    assert lines[-1] == "tiny-1 is sound."


def test_scripts_read_one_document(call: Call, finished: Finished) -> None:
    for arguments, checks in (([], HOST_CHECKS), ([finished.folder], RUN_CHECKS)):
        document = json.loads(call("doctor", *arguments, "--json").out)
        assert document["sound"] and list(document["checks"]) == list(checks)


def test_who_searches_is_named_and_not_disturbed(call: Call, copied: Finished) -> None:
    with Lock(copied.folder):
        done = call("doctor", copied.folder)
    assert done.code == 0 and "in use by process" in done.out
    assert "nobody searches in it" in call("doctor", copied.folder).out


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        (
            "UPDATE trials SET score = 1 WHERE key = (SELECT max(key) FROM trials WHERE state = 'done')",
            "trials",
        ),
        ("UPDATE steps SET verdict = NULL WHERE number = 3", "steps"),
        ("DELETE FROM steps WHERE number = 3", "steps"),
        ("UPDATE facts SET value = '{}' WHERE name = 'plan'", "facts"),
        ("UPDATE cells SET text = replace(text, 'tanh', 'relu')", "cells"),
        ("CREATE TRIGGER t AFTER INSERT ON steps BEGIN DELETE FROM trials; END", "database"),
    ],
)
def test_damage_is_named_with_the_way_out(call: Call, copied: Finished, statement: str, check: str) -> None:
    execute(copied.folder, statement)
    before = (copied.folder / "run.db").read_bytes()
    done = call("doctor", copied.folder)
    assert done.code == 4 and f"! {check}" in done.out, done.out
    assert "--salvage tiny-1-saved" in done.out.splitlines()[-1]
    assert (copied.folder / "run.db").read_bytes() == before


def test_a_file_that_is_no_database_is_examined_too(call: Call, copied: Finished) -> None:
    (copied.folder / "run.db").write_bytes(b"no database at all " * 1000)
    done = call("doctor", copied.folder)
    assert done.code == 4 and "! database" in done.out and "Traceback" not in done.err


def test_nothing_of_a_stranger_reaches_the_terminal_as_it_is(call: Call, copied: Finished) -> None:
    execute(copied.folder, 'CREATE TABLE "\x1b]0;pwned\x07" (x)')
    execute(
        copied.folder, "UPDATE trials SET key = char(27) || key WHERE key = (SELECT min(key) FROM trials)"
    )
    done = call("doctor", copied.folder)
    assert done.code == 4 and "\x1b" not in done.out + done.err


def test_salvage_makes_a_run_that_ends_as_the_whole_one(copied: Finished) -> None:
    whole = board(copied.folder)
    execute(copied.folder, "UPDATE steps SET seal = NULL WHERE number = 6")
    execute(copied.folder, "UPDATE trials SET score = 0.5 WHERE task LIKE 'english%' AND state = 'done'")
    damaged = (copied.folder / "run.db").read_bytes()
    saved = copied.runs / "saved"
    done = program("doctor", "tiny-1", "--salvage", "saved", "--runs", copied.runs)
    assert done.code == 0 and f"archsearch evolve --run {saved}" in done.out, done
    assert (copied.folder / "run.db").read_bytes() == damaged
    gone_on = program("evolve", "--run", saved, "--runs", copied.runs)
    assert gone_on.code == 0, gone_on.err
    assert board(saved) == whole
    assert program("doctor", saved).code == 0


def test_wrong_use_is_one_line(call: Call, finished: Finished) -> None:
    assert "needs the run that is damaged" in call("doctor", "--salvage", "x").err
    there = call("doctor", finished.folder, "--salvage", finished.folder)
    assert there.code == 2 and "is there already" in there.err
    assert call("doctor", "nothing").code == 2


def test_the_doctor_loads_no_torch_where_there_is_no_cuda(finished: Finished) -> None:
    words = f"from archsearch.cli.main import run_command as run; run(['doctor']); run(['doctor', '{finished.folder}'])"
    check = "import sys; assert 'torch' not in sys.modules or sys.modules['torch'].cuda.is_available()"
    done = subprocess.run(
        [sys.executable, "-c", f"{words}; {check}"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
