"""The documents are true: Python runs, commands are accepted, cells parse, and every command has its section."""

import re
import shlex
from pathlib import Path

import click
import pytest

from archsearch.cell import Cell, library
from archsearch.cli.main import CLOSED, COMMANDS, archsearch
from archsearch.errors import INTERRUPTED
from tests.helpers.documents import document, documents
from tests.helpers.sources import FILES, PACKAGE, ROOT

DOCUMENTS = documents()
README, COMMANDS_PAGE = document("README.md"), document("docs/commands.md")
PRESETS, RUNS = document("docs/presets.md"), document("docs/runs.md")
PYTHON = [
    pytest.param(path, text, id=f"{path}-{number}")
    for path, page in DOCUMENTS.items()
    for number, text in enumerate((t for language, t in page.blocks if language == "python"), 1)
]
CELLS = [text for page in DOCUMENTS.values() for language, text in page.blocks if not language]
LINES = [
    line[2:]
    for page in DOCUMENTS.values()
    for language, text in page.blocks
    if language == "console"
    for line in text.splitlines()
    if line.startswith("$ ")
]
CALLS = dict.fromkeys(
    line.removeprefix("archsearch ").removesuffix(" &") for line in LINES if line.startswith("archsearch ")
)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section_with_an_example(name: str) -> None:
    section = COMMANDS_PAGE.section(name, 2)
    assert section, f"docs/commands.md has no section on {name}"
    assert f"$ archsearch {name}" in section


@pytest.mark.parametrize(("name", "does"), COMMANDS.items())
def test_the_readme_lists_every_command_with_its_line_of_help(name: str, does: str) -> None:
    assert f"\n| [{name}](docs/commands.md#{name}) | {does} |\n" in README.text


def test_the_readme_has_a_search_and_python() -> None:
    assert "$ archsearch evolve" in README.text
    assert [language for language, _ in README.blocks].count("python") == 1


@pytest.mark.parametrize(("path", "text"), PYTHON)
def test_every_python_block_runs(
    path: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(text, f"{path}, Python block", "exec"), {"__name__": "readme"})


@pytest.mark.parametrize("line", CALLS)
def test_every_command_line_is_accepted(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name, *arguments = shlex.split(line)
    if "--data" in arguments:
        place = arguments.index("--data") + 1
        arguments[place] = str(tmp_path)
    root = click.Context(archsearch, **archsearch.context_settings)
    command = archsearch.get_command(root, name)
    assert command is not None, f"no command {name}"
    command.make_context(name, arguments, parent=root)


def test_every_other_line_is_a_target_of_make_an_example_or_plain_shell() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    others = [line for line in LINES if not line.startswith("archsearch ")]
    assert {line.split()[1] for line in others if line.startswith("make ")} <= set(targets)
    for line in (line for line in others if line.startswith("python ")):
        assert (ROOT / line.split()[1]).is_file(), line
    shell = [line for line in others if not line.startswith(("make ", "python "))]
    assert shell == ["sleep 30; kill -9 $!"]


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


def test_the_documents_still_have_cells_commands_and_python() -> None:
    assert len(CELLS) >= 3
    assert len(CALLS) >= 30
    assert len(PYTHON) >= 3


@pytest.mark.parametrize("file", ["parity.py", "smoothing.py"])
def test_the_task_is_the_one_that_the_tests_train(file: str) -> None:
    task = (ROOT / "tests" / "tasks" / file).read_text(encoding="utf-8")
    assert ("python", task) in document("docs/own-task.md").blocks


@pytest.mark.parametrize("page", [README, COMMANDS_PAGE], ids=lambda page: page.path)
def test_the_library_is_as_large_as_is_said(page) -> None:
    controls = [name for name in library.names() if name.endswith("_x")]
    assert f"{len(library.names()) - len(controls)} published cells" in page.text
    assert len(controls) == 3 and "three controls" in page.text


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, INTERRUPTED, CLOSED])
def test_every_exit_code_is_explained(code: int) -> None:
    assert f"\n| {code} | " in RUNS.text


@pytest.mark.parametrize(
    "preset", sorted(path.stem for path in (ROOT / "grammars" / "presets").glob("*.toml"))
)
def test_every_preset_is_explained(preset: str) -> None:
    assert f"\n| `{preset}` | " in PRESETS.text


def test_the_variables_of_the_environment_are_named() -> None:
    read = {
        name
        for file in FILES
        for name in re.findall(r"\bARCHSEARCH_[A-Z]+", (PACKAGE / file).read_text(encoding="utf-8"))
    }
    assert read >= {"ARCHSEARCH_RUNS", "ARCHSEARCH_CACHE", "ARCHSEARCH_CORES"}
    for name in read:
        assert f"\n| `{name}` | " in RUNS.text, name
