"""Help: every command has one with an example that is accepted, it answers at once, and nothing loads torch for it."""

import shlex
import subprocess
import sys
import time

import click
import pytest

from archsearch.cli.main import COMMANDS, archsearch
from tests.helpers.commands import Call, Finished, program


def command(name: str) -> click.Command:
    found = archsearch.get_command(click.Context(archsearch), name)
    assert found is not None
    return found


def example(name: str) -> list[str]:
    """Return the words of a command's example, after the command's name."""
    _, colon, words = (command(name).epilog or "").partition("Example: archsearch ")
    assert colon, f"{name} has no example"
    first, *rest = shlex.split(words)
    assert first == name
    return rest


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_ends_with_an_example(call: Call, name: str) -> None:
    shown = call(name, "--help")
    assert shown.code == 0 and shown.err == ""
    assert shown.out.splitlines()[-1].strip().startswith(f"Example: archsearch {name}")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_accepted_by_its_command(name: str) -> None:
    command(name).make_context(name, example(name))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_command_says(name: str) -> None:
    assert (command(name).help or "").splitlines()[0] == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    options = [one for one in command(name).params if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help] == []


@pytest.mark.timing
def test_help_answers_in_half_a_second() -> None:
    def seconds() -> float:
        began = time.monotonic()
        assert program("--help").code == 0
        return time.monotonic() - began

    assert min(seconds() for _ in range(5)) < 0.5


TORCHLESS = """
import sys
from archsearch.cli.main import COMMANDS, run_command
runs, svg = sys.argv[1:]
calls = [[name, "--help"] for name in COMMANDS]
calls += [["cells"], ["tasks"], ["show", "gru"], ["mutate", "gru"], ["leaderboard", "tiny-1", "--runs", runs]]
calls += [["show", "tiny-1/1", "--runs", runs], ["export", "mut1", "-o", svg]]
for call in calls:
    assert run_command(call) == 0, call
    assert "torch" not in sys.modules, call
"""


def test_no_command_loads_torch_but_those_that_train_or_export_python(finished: Finished) -> None:
    svg = finished.runs / "mut1.svg"
    code = [sys.executable, "-c", TORCHLESS, str(finished.runs), str(svg)]
    done = subprocess.run(code, capture_output=True, text=True, timeout=120)
    svg.unlink(missing_ok=True)
    assert done.returncode == 0, done.stderr
