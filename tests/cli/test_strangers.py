"""A stranger's run, preset or file: it is read, and nothing of it is run."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from archsearch.cli.display import _cut
from archsearch.exporters import EXPORTERS
from archsearch.store import RunStore, read_leaderboard
from tests.helpers.commands import TINY, Call, Finished
from tests.helpers.forging import EVIL, HARMFUL, forge, seal
from tests.helpers.searches import World

CODE = "open('executed', 'w')\nclass T:\n    symbols = 4\n"


def forge_plan(run: Path, task: str) -> None:
    """Make the first task of a run one of a file that came along."""
    with closing(sqlite3.connect(run / "run.db")) as connection, connection:
        ((text,),) = connection.execute("SELECT value FROM facts WHERE name = 'plan'")
        plan = json.loads(text)
        plan["courses"][0]["facts"]["name"] = task
        connection.execute("UPDATE facts SET value = ? WHERE name = 'plan'", (json.dumps(plan),))
        seal(connection)


@pytest.mark.parametrize(
    "command",
    [
        "leaderboard RUN",
        "show RUN/1",
        "replay RUN",
        "replay RUN --verdicts",
        "confirm RUN",
        "evolve --run RUN",
        "study racing RUN",
        "export RUN/1 -o a.svg",
    ],
)
def test_no_command_runs_the_code_that_a_run_names(
    command: str, copied: Finished, call: Call, tmp_path: Path
) -> None:
    (copied.folder / "evil.py").write_text(CODE)
    forge_plan(copied.folder, f"{copied.folder}/evil.py:T")
    result = call(*command.replace("RUN", str(copied.folder)).split())
    assert not (tmp_path / "executed").exists()
    if command in ("replay RUN", "confirm RUN", "evolve --run RUN"):
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
    (tmp_path / "evil.py").write_text(CODE)
    result = call(*command.split(), "--preset", "gift.toml")
    assert result.code == 2 and message in result.err
    assert not (tmp_path / "executed").exists()


READING = [
    "leaderboard RUN",
    "leaderboard RUN --json",
    "show RUN/1 --plan",
    "show RUN/FOUND",
    "show RUN/FOUND --json",
    "show RUN/FOUND --regroup",
    "mutate RUN/FOUND --count 3",
    "study racing RUN",
    "study racing RUN --json",
    *(f"export RUN/FOUND -o out.{name} --format {name}" for name, row in EXPORTERS.items() if not row.binary),
]
TRAINING = [
    "replay RUN --top 1 --workers 1",
    "replay RUN --top 1 --workers 1 --json",
    "evolve --run RUN --workers 1",
    "evolve --run RUN --workers 1 --max-candidates 12",
    "evolve --run RUN --workers 1 --json",
    "evolve --run RUN --preset quick",
    "evolve --run RUN --tasks xml",
    "train RUN/FOUND --task english --preset TINY --settings 1 --workers 1",
]


@pytest.fixture(params=[False, True], ids=["names", "names and engine"])
def forged(request: pytest.FixtureRequest, copied: Finished) -> Path:
    """A run in whose every free text there is something that harms a terminal, in a folder of such a name."""
    folder = copied.folder.with_name(f"gift{EVIL}")
    copied.folder.rename(folder)
    forge(folder, engine=request.param)
    return folder


def _found(folder: Path) -> str:
    """Return the id of a cell that the run has found and scored."""
    with RunStore.open(folder) as store:
        return next(row.id for row in read_leaderboard(store, "run").rows if row.parent)


@pytest.mark.parametrize("command", READING)
def test_nothing_that_a_run_says_harms_a_terminal_or_a_file(
    command: str, forged: Path, call: Call, tmp_path: Path
) -> None:
    _harmless(command, forged, call, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("command", TRAINING)
def test_nothing_that_a_run_says_harms_a_terminal_when_it_is_trained_again(
    command: str, forged: Path, call: Call, tmp_path: Path
) -> None:
    _harmless(command, forged, call, tmp_path)


def _harmless(command: str, run: Path, call: Call, folder: Path) -> None:
    words = {"RUN": str(run), "FOUND": _found(run), "TINY": str(TINY)}
    arguments = [re.sub("RUN|FOUND|TINY", lambda name: words[name[0]], part) for part in command.split()]
    result = call(*arguments)
    written = [path.read_text(encoding="utf-8") for path in folder.glob("out.*")]
    for text in (result.out, result.err, *written):
        assert not [found for found in HARMFUL if found in text], f"{command}: {text!r}"
    assert result.out or result.err or written


def test_the_live_view_of_a_terminal_shows_harmless_text() -> None:
    assert not [found for found in HARMFUL if found in _cut(EVIL, 80).plain]


@pytest.mark.slow
def test_a_run_on_own_tasks_is_used_from_any_folder_and_by_others_only_if_they_name_its_code(
    tmp_path: Path,
) -> None:
    mine, theirs = World(tmp_path / "mine"), World(tmp_path / "theirs")
    first = mine.run(mine.evolve("--run", "runs/r", "--workers", 1, "--max-candidates", 5))
    assert first.returncode == 0, first.stderr
    there = {"cwd": theirs.folder}
    (theirs.folder / "echo.py").unlink()
    (theirs.folder / "song.txt").unlink()
    run = tmp_path / "mine" / "runs" / "r"
    on = mine.run(mine.command("evolve", "--run", run, "--workers", 1, "--max-candidates", 6), **there)
    assert on.returncode == 0, on.stderr
    assert f"--task {mine.folder}/echo.py:Echo --seed 1" in on.stderr
    for command in ("replay --top 1", "confirm --no-unused --max-time 1s"):
        again = mine.command(*command.split(), run, "--workers", 1)
        stranger = {**theirs.env, "XDG_DATA_HOME": str(theirs.folder / command.split()[0])}
        refused = theirs.run(again, env=stranger, **there)
        assert refused.returncode == 2 and "you have not named yourself" in refused.stderr
        named = theirs.run([*again, "--task", f"{mine.folder}/echo.py:Echo"], env=stranger, **there)
        assert named.returncode == 0, named.stderr
        for user in (mine.env, stranger):  # who has named it, then or now, is not asked again
            assert theirs.run(again, env=user, **there).returncode == 0
