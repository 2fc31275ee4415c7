"""The README is true: its Python runs, its commands are accepted, its cells parse, and every command has its section."""

import re
import shlex
from pathlib import Path

import click
import pytest

from archsearch.cell import Cell, library
from archsearch.cli.main import CLOSED, COMMANDS, INTERRUPTED, archsearch
from tests.helpers.sources import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
CELLS = [text for language, text in BLOCKS if not language]
LINES = [
    line[2:]
    for language, text in BLOCKS
    if language == "console"
    for line in text.splitlines()
    if line.startswith("$ ")
]
CALLS = [
    line.removeprefix("archsearch ").removesuffix(" &") for line in LINES if line.startswith("archsearch ")
]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section_with_an_example(name: str) -> None:
    section = re.search(rf"^### {name}$(.*?)^##", README, re.MULTILINE | re.DOTALL)
    assert section, f"README.md has no section on {name}"
    assert f"$ archsearch {name}" in section[1]


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_every_python_block_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(PYTHON[number], f"README.md, Python block {number + 1}", "exec"), {"__name__": "readme"})


@pytest.mark.parametrize("line", CALLS)
def test_every_command_line_is_accepted(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name, *arguments = shlex.split(line)
    if "--data" in arguments:
        place = arguments.index("--data") + 1
        arguments[place] = str(tmp_path)
    command = archsearch.get_command(click.Context(archsearch), name)
    assert command is not None, f"no command {name}"
    command.make_context(name, arguments)


def test_every_other_line_is_a_target_of_make_or_plain_shell() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    others = [line for line in LINES if not line.startswith("archsearch ")]
    assert {line.split()[1] for line in others if line.startswith("make ")} <= set(targets)
    assert [line for line in others if not line.startswith("make ")] == ["sleep 30; kill -9 $!"]


@pytest.mark.parametrize("text", CELLS)
def test_every_cell_parses_and_is_what_its_name_says_a_library_cell_or_the_beginning_of_its_id(
    text: str,
) -> None:
    cell = Cell.parse(text)
    assert (
        cell.id == library.load(cell.name).id
        if cell.name in library.names()
        else cell.id.startswith(cell.name)
    )


def test_the_task_is_the_one_that_the_tests_train() -> None:
    assert (ROOT / "tests" / "tasks" / "parity.py").read_text(encoding="utf-8") in PYTHON


def test_the_library_is_as_large_as_is_said() -> None:
    assert f"{len(library.names())} published cells" in README


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, INTERRUPTED, CLOSED])
def test_every_exit_code_is_explained(code: int) -> None:
    assert f"\n| {code} | " in README


@pytest.mark.parametrize(
    "preset", sorted(path.stem for path in (ROOT / "grammars" / "presets").glob("*.toml"))
)
def test_every_preset_is_explained(preset: str) -> None:
    assert f"\n| `{preset}` | " in README


def test_every_link_leads_somewhere() -> None:
    titles = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    headings = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        found = target[1:] in headings if target.startswith("#") else (ROOT / target).exists()
        assert found or target.startswith("https://"), target


def test_the_variables_of_the_environment_are_named() -> None:
    for name in ("ARCHSEARCH_RUNS", "ARCHSEARCH_CACHE", "ARCHSEARCH_CORES"):
        assert name in README
