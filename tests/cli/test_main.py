"""Exit codes, error lines, and what happens when nobody reads the output."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from archsearch.cli import cells
from archsearch.cli.main import COMMANDS, main
from archsearch.errors import (
    INTERRUPTED,
    ArchsearchError,
    BuildError,
    InputError,
    NoSpace,
    RunLocked,
    StoreError,
    WorkerError,
)
from archsearch.store import Lock
from tests.helpers.commands import TINY, Call, Finished, program
from tests.helpers.sources import ROOT

BASH = ["bash", "-o", "pipefail", "-c"]


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which $A is the command."""
    environment = {**os.environ, "A": f"{sys.executable} -m archsearch"}
    return subprocess.run([*BASH, line], capture_output=True, text=True, env=environment, timeout=60)


@pytest.mark.parametrize(
    ("error", "code"), [(ArchsearchError, 1), (InputError, 2), (RunLocked, 3), (StoreError, 4), (NoSpace, 5)]
)
def test_every_error_of_ours_has_its_exit_code_and_one_line(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: type[ArchsearchError], code: int
) -> None:
    def fails(*_: object) -> None:
        raise error("what is wrong")

    monkeypatch.setattr(cells, "print_table", fails)
    assert call("cells").err == "Error: what is wrong\n"
    assert call("cells").code == code


@pytest.mark.parametrize(
    ("error", "lines"),
    [(BuildError, 3), (WorkerError, 3), (ArchsearchError, 1), (InputError, 1), (StoreError, 1)],
)
def test_lines_of_a_compiler_stay_lines_and_those_of_names_do_not(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: type[ArchsearchError], lines: int
) -> None:
    def fails(*_: object) -> None:
        raise error("g++ failed:\n\tk.cpp:1: \x1b[31mwrong\n  here\u2028")

    monkeypatch.setattr(cells, "print_table", fails)
    err = call("cells").err
    assert err.count("\n") == lines and len(err.splitlines()) == lines
    assert "\x1b" not in err and err.startswith("Error: g++ failed:") and "here\ufffd" in err


def test_the_choices_of_an_argument_stand_in_lines_of_their_own(call: Call) -> None:
    ended = call("mutate", "gru", "--magnitude", "much")
    assert ended.code == 2 and "\ufffd" not in ended.err
    assert ended.err.rstrip().endswith("; see: archsearch mutate --help")


@pytest.mark.parametrize(
    "loading", ["archsearch.cli", "archsearch.cli.main", "click", "click.core", "archsearch.words"]
)
def test_an_interrupt_while_the_program_loads_exits_with_130_and_one_line(loading: str) -> None:
    script = f"""
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests may ignore it
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {loading!r}:
            os.kill(os.getpid(), signal.SIGINT)
from archsearch.__main__ import run_program
sys.meta_path.insert(0, Interrupting())
run_program()
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (INTERRUPTED, "", "\nInterrupted.\n")


@pytest.mark.parametrize("loading", ["signal", "enum"])
def test_an_interrupt_before_signals_can_be_handled_exits_likewise(loading: str) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {loading!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
import archsearch.__main__
"""
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (INTERRUPTED, "", "\nInterrupted.\n")


def test_nothing_that_takes_time_is_loaded_before_an_interrupt_is_heeded() -> None:
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import archsearch; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, timeout=60
    )
    assert "archsearch.connections" in done.stdout and not {"typing", "enum", "re"} & set(done.stdout.split())


def test_an_interrupt_that_was_ignored_before_stays_ignored() -> None:
    ended = shell("trap '' INT; $A show gru & kill -INT $! && wait $!")
    assert ended.returncode == 0, ended.stderr


def test_an_interrupt_exits_with_130_and_no_traceback(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cells, "print_table", interrupted)
    ended = call("cells")
    assert (ended.code, ended.err.strip()) == (INTERRUPTED, "Interrupted.")


def test_a_run_that_another_process_searches_in_exits_with_3(call: Call, copied: Finished) -> None:
    with Lock(copied.folder):
        ended = call("evolve", "--run", copied.folder, "--max-candidates", 20)
    assert ended.code == 3
    assert "tiny-1 is in use by process" in ended.err


@pytest.mark.parametrize("option", ["--start", "--reference", "--from"])
def test_a_cell_for_a_run_that_is_searched_in_is_refused_with_the_way(
    option: str, call: Call, copied: Finished
) -> None:
    before = (copied.folder / "run.db").read_bytes()
    with Lock(copied.folder):
        given = copied.folder if option == "--from" else "mgu"
        ended = call("evolve", "--run", copied.folder, option, given)
    assert ended.code == 3 and "tiny-1 is in use by process" in ended.err
    assert "archsearch propose RUN" in ended.err and "evolve --from RUN --start CELL" in ended.err
    assert (copied.folder / "run.db").read_bytes() == before


@pytest.mark.slow
def test_another_search_takes_a_cell_and_the_best_of_a_run_that_is_searched_in(
    call: Call, copied: Finished
) -> None:
    with Lock(copied.folder):
        both = ("--from", copied.folder, "--start", "mgu")
        ended = call("evolve", "--preset", TINY, "--dry-run", "--workers", 1, *both)
    assert ended.code == 0, ended.err


def test_the_command_that_other_programs_have_for_it_says_so_too(call: Call) -> None:
    ended = call("enqueue", "quick-1", "mine.cell")
    assert ended.code == 2 and "archsearch propose RUN FILE.cell" in ended.err


def test_a_damaged_run_exits_with_4(call: Call, copied: Finished) -> None:
    (copied.folder / "run.db").write_bytes(b"no database at all" * 100)
    for command in ("leaderboard", "replay"):
        ended = call(command, copied.folder)
        assert ended.code == 4 and ended.err.startswith("Error: ")


def test_a_full_disk_exits_with_5() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    ended = shell("$A cells > /dev/full")
    assert (ended.returncode, ended.stderr) == (5, "Error: output: No space left on device\n")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("$A cells 2> /dev/full", 0),
        ("$A show nothing 2> /dev/full", 2),
        ("$A leaderboard none 2> /dev/full", 2),
        ("$A train gru --task memorization:small --settings 1 --workers 1 2> /dev/full", 5),
        (
            "$A evolve --preset tests/cli/tiny.toml --runs $RUNS --workers 1 --max-candidates 2 2> /dev/full",
            5,
        ),
        ("$A cells > /dev/full 2> /dev/full", 5),
        ("$A cells --json > /dev/full 2> /dev/full", 5),
    ],
)
def test_a_full_disk_under_standard_error_ends_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, code: int
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    monkeypatch.setenv("RUNS", str(tmp_path))
    ended = shell(command)
    assert ended.returncode == code
    assert "Traceback" not in ended.stdout + ended.stderr

    for run in tmp_path.glob("*/run.db"):
        with contextlib.closing(sqlite3.connect(run)) as database:
            assert database.execute("SELECT count(*) FROM trials WHERE state = 'running'").fetchone() == (0,)


@pytest.mark.parametrize(
    "arguments", ["cells", "cells --json", "show gru", "mutate gru --count 500", "evolve --help"]
)
def test_a_pipe_that_closes_ends_quietly(arguments: str) -> None:
    ended = shell(f"$A {arguments} | head -c 1 | cat > /dev/null")
    assert ended.stderr == ""
    assert ended.returncode in (0, 128 + signal.SIGPIPE)


def test_closed_output_is_no_error() -> None:
    assert shell("$A cells >&-").returncode == 0
    assert shell("$A show nothing 2>&-").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["evolv"],
            r"no command 'evolv' \(commands: evolve, .*; did you mean 'evolve'\?\); see: archsearch --help",
        ),
        (["show"], r"Missing argument 'CELL'; see: archsearch show --help"),
        (["cells", "--jsn"], r"No such option.*; see: archsearch cells --help"),
        (["leaderboard", "none"], r"no run 'none' in runs \(runs there: none yet"),
        (["leaderboard", "."], r"\. is no run: it has no run\.db|run name '\.'"),
        (["leaderboard", "tiny-1", "--top", "0"], r"'--top': 0 is not in the range x>=1"),
        (["tasks", "--data", "nowhere"], r"Directory 'nowhere' does not exist"),
        (["mutate", "gru", "--space", "wid"], r"no space 'wid' \(spaces: .*did you mean 'wide'\?"),
        (["mutate", "gru", "--count", "0"], r"0 is not in the range 1<=x<=10000"),
        (
            ["train", "gru", "--task", "adding"],
            r"does not say how to train on adding, .*table \[tasks\.adding\]",
        ),
        (["train", "gru", "--task", "xm"], r"no task 'xm' \(did you mean 'xml'\?\) in preset quick"),
        (
            ["train", "gru", "--task", "xml", "--difficulty", "huge"],
            r"no difficulty 'huge' \(difficulties: .*small",
        ),
        (["train", "gru", "--task", "xml", "--preset", "quik"], r"no preset 'quik' .*did you mean 'quick'\?"),
        (["export", "gru", "-o", "gru.exe"], r"which format\? Give --format python\|.*\.py"),
        (["export", "gru", "-o", "no/gru.py"], r"there is no folder no; make it first"),
        (["evolve", "--workers", "3"], r"--workers 3: this machine has 2 CPU cores, .*ARCHSEARCH_CORES"),
        (["evolve", "--max-time", "5"], r"'5' is no duration; write 90s, 30m, 2h"),
    ],
)
def test_bad_input_exits_with_2_and_one_line_that_helps(
    call: Call, arguments: list[str], message: str
) -> None:
    ended = call(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1 and ended.err.startswith("Error: ")
    with pytest.raises(InputError, match=message):
        raise InputError(ended.err)


def test_control_characters_and_markup_of_names_are_never_sent_to_a_terminal(call: Call) -> None:
    for name in ("\x1b[31mred.cell", "two\nlines.cell", "[bold]b[/bold].cell", "\udcff.cell"):
        err = call("show", name).err
        assert err.count("\n") == 1 and "\x1b" not in err
    assert "[bold]b[/bold].cell" in call("show", "[bold]b[/bold].cell").err


def test_a_terminal_that_cannot_show_a_character_gets_an_escape() -> None:
    shown = program("show", "gru", PYTHONIOENCODING="ascii")
    assert shown.code == 0 and "6n\\xb2+3n parameters" in shown.out


def test_without_a_command_the_help_is_shown(call: Call) -> None:
    shown = call()
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == call("--help").out
    assert all(f"\n  {name} " in shown.out for name in COMMANDS)


def test_the_program_ends_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["show", "nothing"])
    assert ended.value.code == 2


def test_a_run_that_is_stopped_says_how_it_goes_on(finished: Finished, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "archsearch",
            "evolve",
            "--runs",
            str(tmp_path / "r"),
            "--preset",
            str(TINY),
            "--max-candidates",
            "999",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "ARCHSEARCH_CORES": "1"},
    )
    assert process.stderr is not None
    seen = iter(process.stderr.readline, "")
    assert any(line.startswith("step ") for line in seen)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert f"archsearch evolve --run {tmp_path / 'r' / 'tiny-1'} --max-candidates 999" in err
    with sqlite3.connect(tmp_path / "r" / "tiny-1" / "run.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
