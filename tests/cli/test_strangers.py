"""A stranger's run, preset or file: it is read, and nothing of it is run."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.helpers.commands import TINY, Call, Finished

EVIL = "open('executed', 'w')\nclass T:\n    symbols = 4\n"


def forge_plan(run: Path, task: str) -> None:
    """Make the first task of a run one of a file that came along."""
    with sqlite3.connect(run / "run.db") as connection:
        ((text,),) = connection.execute("SELECT value FROM facts WHERE name = 'plan'")
        plan = json.loads(text)
        plan["courses"][0]["facts"]["name"] = task
        connection.execute("UPDATE facts SET value = ? WHERE name = 'plan'", (json.dumps(plan),))
    connection.close()


@pytest.mark.parametrize(
    "command",
    [
        "leaderboard RUN",
        "show RUN/1",
        "replay RUN",
        "evolve --run RUN",
        "study racing RUN",
        "export RUN/1 -o a.svg",
    ],
)
def test_no_command_runs_the_code_that_a_run_names(
    command: str, copied: Finished, call: Call, tmp_path: Path
) -> None:
    (copied.folder / "evil.py").write_text(EVIL)
    forge_plan(copied.folder, f"{copied.folder}/evil.py:T")
    result = call(*command.replace("RUN", str(copied.folder)).split())
    assert not (tmp_path / "executed").exists()
    if command.startswith(("replay", "evolve")):
        assert result.code == 2
        assert "have changed" in result.err or "not named yourself" in result.err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('task = "memorization:tiny"', 'task = "evil.py:T"', "filter.task: no task 'evil.py'"),
        ("[tasks.english]", '[tasks."evil.py"]', "tasks.evil.py: no task 'evil.py'"),
        ("[tasks.english]", "[tasks.text]", "tasks.text: no task 'text'"),
        ('difficulty = "small"', 'difficulty = "huge"', "has no difficulty 'huge'; there are"),
    ],
)
@pytest.mark.parametrize("command", ["evolve", "train gru --task english", "study instrument"])
def test_a_preset_names_no_file(
    old: str, new: str, message: str, command: str, call: Call, tmp_path: Path
) -> None:
    text = TINY.read_text()
    old = next(line for line in text.splitlines() if line.startswith(old.split(":")[0]))
    (tmp_path / "gift.toml").write_text(text.replace(old, new))
    (tmp_path / "evil.py").write_text(EVIL)
    result = call(*command.split(), "--preset", "gift.toml")
    assert result.code == 2 and message in result.err
    assert not (tmp_path / "executed").exists()
