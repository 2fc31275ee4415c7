"""Bad input to `evolve`: one clear line, exit code 2, no traceback, no half-made run."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsearch.cli.main import run_command
from archsearch.workers import pool as pools
from tests.helpers import fakes
from tests.helpers.searches import ROOT, TINY, World

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    World(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("ARCHSEARCH_CORES", "4")
    (tmp_path / "here" / "temps.csv").write_text("".join(f"{hour},{hour / 7:.2f}\n" for hour in range(99)))
    return tmp_path / "here"


def refused(captured: Captured, *arguments: object, code: int = 2) -> str:
    """Return what a search is refused with; nothing may be left of it."""
    assert run_command(["evolve", "--preset", str(TINY), *map(str, arguments)]) == code
    out, err = captured.readouterr()
    assert out == "" and "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, err
    assert not [path for path in Path("runs").glob("*") if Path("runs").is_dir()], "a half-made run"
    return lines[0]


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_main", fakes.main)


CASES = {
    "no workers": (["--workers", 0], "at least 1 worker"),
    "too many workers": (["--workers", 5], "4 CPU cores"),
    "no candidates": (["--max-candidates", 0], "at least 1"),
    "no such run name": (["--run", "a b"], "run name 'a b'"),
    "hidden run": (["--run", ".a"], "run name '.a'"),
    "reserved run": (["--run", "CON"], "run name 'CON'"),
    "long run": (["--run", f"./{'x' * 300}"], "too long"),
    "no such strategy": (["--strategy", "jozefowiz"], "jozefowicz"),
    "no such space": (["--space", "nowhere"], "nowhere"),
    "no such task": (["--tasks", "xmll"], "xml"),
    "no task": (["--tasks", ","], "names no task"),
    "the same task twice": (["--tasks", "xml,xml"], "twice"),
    "no such device": (["--device", "tpu"], "tpu"),
    "no duration": (["--max-time", "soon"], "soon"),
    "a number for a duration": (["--max-time", "90"], "(a number needs its unit)"),
    "a preset as space": (["--space", str(TINY)], "this is a preset, which goes with --preset"),
    "a seed that no database holds": (["--seed", 10**30], "it lies between 0 and 9,223,372,036,854,775,807"),
    "a key of no preset": (["--set", "own.stpes=3"], "did you mean 'steps'?"),
    "a table of no preset": (["--set", "tasks.xlm.steps=3"], "did you mean 'tasks.xml.steps'?"),
    "a value of another kind": (["--set", "grid.rate=fast"], "grid.rate is a text; it must be a list"),
    "a value that makes no search": (["--set", "search.pool=0"], "search.pool is 0; it must be at least 1"),
    "a key without a value": (["--set", "own.steps"], "is not KEY=VALUE"),
    "a key that is said twice": (
        ["--set", "own.steps=3", "--task", "echo.py:Echo", "--steps", 4],
        "said twice",
    ),
    "steps without an own task": (["--steps", 40], "--set tasks.xml.steps=5000"),
    "a start cell that is none": (["--start", "grru"], "did you mean 'gru'?"),
    "a start cell that the space does not hold": (["--start", "enas"], "75 nodes, the space allows 60"),
    "time for a program that nobody names": (["--ask-time", "5m"], "the program of --ask"),
    "the best of no run": (["--from", "quick-1"], "no run 'quick-1'"),
    "a table of numbers as text": (
        ["--task", "text:temps.csv"],
        "the task that predicts numbers is",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_makes_no_search_is_refused(capsys: Captured, case: str) -> None:
    arguments, expected = CASES[case]
    assert expected in refused(capsys, *arguments)


def test_a_folder_that_is_no_run_is_refused_and_left_alone(here: Path, capsys: Captured) -> None:
    (here / "papers").mkdir()
    assert "no run" in refused(capsys, "--run", "./papers")
    assert list((here / "papers").iterdir()) == []


def test_a_preset_with_an_unknown_key_is_refused_with_the_nearest(here: Path, capsys: Captured) -> None:
    (here / "mine.toml").write_text(TINY.read_text().replace("look_ahead = 4", "lookahead = 4"))
    assert "look_ahead" in refused(capsys, "--preset", "mine.toml")


def test_a_mutation_that_does_not_exist_is_refused_before_anything_is_trained(
    here: Path, capsys: Captured
) -> None:
    space = (ROOT / "grammars" / "spaces" / "wide.toml").read_text()
    (here / "mine.toml").write_text(space.replace('"combine"', '"combin"'))
    message = refused(capsys, "--space", "mine.toml")
    assert "unknown mutation 'combin'" in message and "did you mean 'combine'?" in message


def test_the_same_data_under_two_names_are_refused(here: Path, capsys: Captured) -> None:
    (here / "copy.txt").write_bytes((here / "song.txt").read_bytes())
    message = refused(capsys, "--task", "text:song.txt", "--task", "text:copy.txt", "--workers", 1)
    assert "tasks 'text:song.txt' and 'text:copy.txt' have the same data" in message


def test_a_text_whose_validation_carries_no_figure_is_refused(here: Path, capsys: Captured) -> None:
    (here / "short.txt").write_text("to be or not to be, that is the question. " * 24)
    message = refused(capsys, "--task", "text:short.txt", "--workers", 1)
    assert (
        "its validation scores 44 positions, too few for a figure" in message and "50 are needed" in message
    )


def test_a_budget_that_is_too_small_is_refused_with_the_one_it_takes(
    here: Path, capsys: Captured, simulated: None
) -> None:
    (here / "mine.toml").write_text(
        TINY.read_text().replace("budget = 2_000\nsteps = 8", "budget = 300\nsteps = 8")
    )
    message = refused(capsys, "--preset", "mine.toml", "--workers", 1)
    assert "at least 8 are needed" in message and "xml" in message


def test_runs_that_cannot_be_written_are_refused(here: Path, capsys: Captured, simulated: None) -> None:
    (here / "file").write_text("")
    assert "--runs" in refused(capsys, "--runs", "file/runs", "--workers", 1)


OWN = {
    "raises": ("def windows(self, *_):\n        raise KeyError('no data')\n", "no data"),
    "returns nothing": ("def windows(self, *_):\n        pass\n", "must `yield` windows"),
    "is another every time": (
        "def windows(self, s, r, b, t):\n        import numpy as np\n        while True:\n            "
        "w = np.random.default_rng().integers(4, size=(t, b))\n            yield w, w, w > -1\n",
        "differs between two draws with equal generators",
    ),
    "scores nothing in a split": (
        "def windows(self, s, r, b, t):\n        import numpy as np\n        while True:\n            "
        "w = np.zeros((t, b), int)\n            yield w, w, (w == 0) & (s != 'test')\n",
        "split 'test': nothing is scored",
    ),
    "is broken": ("def windows(self, *_):\n        yield 1\n", "expected (inputs, targets, scored)"),
}


@pytest.mark.parametrize("case", OWN)
def test_a_task_of_ones_own_that_is_none_is_refused(here: Path, capsys: Captured, case: str) -> None:
    code, expected = OWN[case]
    (here / "own.py").write_text(f"class Own:\n    symbols = 4\n    {code}")
    assert expected in refused(capsys, "--task", "own.py:Own", "--workers", 1)


def test_less_candidates_than_a_run_has_and_other_settings_are_refused(
    here: Path, capsys: Captured, simulated: None
) -> None:
    common = ["evolve", "--preset", str(TINY), "--run", "a", "--workers", "1"]
    assert run_command([*common, "--max-candidates", "4"]) == 0
    before = (here / "runs" / "a" / "run.db").read_bytes()
    capsys.readouterr()
    for more, expected in {
        ("--max-candidates", "3"): "below the 4 candidates",
        ("--seed", "1"): "seed is 0",
        ("--strategy", "random"): "strategy is jozefowicz",
        ("--tasks", "arithmetic"): "tasks is xml",
    }.items():
        assert run_command([*common, *more]) == 2
        assert expected in capsys.readouterr().err
    assert (here / "runs" / "a" / "run.db").read_bytes() == before


def test_a_damaged_run_is_refused_and_harms_no_other(here: Path, capsys: Captured, simulated: None) -> None:
    (here / "runs" / "bad").mkdir(parents=True)
    (here / "runs" / "bad" / "run.db").write_text("no database")
    common = ["evolve", "--preset", str(TINY), "--workers", "1", "--max-candidates", "3"]
    assert run_command([*common, "--run", "bad"]) == 4
    assert "put back a copy" in capsys.readouterr().err
    assert (here / "runs" / "bad" / "run.db").read_text() == "no database"
    assert run_command(common) == 0
    assert (here / "runs" / "tiny-1" / "run.db").exists()


def test_no_secret_of_the_environment_is_written(
    here: Path, capsys: Captured, simulated: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-4711")
    assert run_command(["evolve", "--preset", str(TINY), "--workers", "1", "--max-candidates", "3"]) == 0
    for path in here.rglob("*"):
        if path.is_file():
            assert b"hush-4711" not in path.read_bytes(), path


def test_a_dry_run_says_how_long_it_would_take_and_makes_no_run(
    here: Path, capsys: Captured, simulated: None
) -> None:
    asked = ["evolve", "--preset", str(TINY), "--dry-run", "--workers", "1"]
    assert run_command(asked) == 0
    out = capsys.readouterr().out
    assert "trials of references and clones" in out and "Nothing was started." in out
    assert run_command([*asked, "--json"]) == 0
    assert '"references": ' in capsys.readouterr().out
    assert not Path("runs").exists()
