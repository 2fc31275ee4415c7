"""The documents hang together: help is what the program prints, links lead somewhere, and what the code cites is there."""

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import archsearch
from tests.helpers.documents import Document, document, documents, target
from tests.helpers.sources import FILES, PACKAGE, ROOT

DOCUMENTS = documents()
ARCHITECTURE, CONTRIBUTING = document("docs/architecture.md"), document("CONTRIBUTING.md")
LONGEST_README = 170
CITED = re.compile(r"([\w./-]*\w\.md)\b(?:, \"([^\"]+)\")?")
CITING = [
    path
    for room in ("archsearch", "tests", "grammars", "examples", "docs")
    for path in sorted((ROOT / room).rglob("*"))
    if path.suffix in {".py", ".toml", ".cell", ".pcfg", ".lark", ".txt", ".h", ".cpp"}
    and CITED.search(path.read_text("utf-8"))
]
VERSION = re.compile(r"^(?:VERSIONS?|LAYOUT)\b.*=|\bversion=\d", re.MULTILINE)


def generator() -> ModuleType:
    """Return docs/commands.py as a module."""
    spec = importlib.util.spec_from_file_location("commands_page", ROOT / "docs" / "commands.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_commands_is_what_the_program_prints() -> None:
    page, commands = document("docs/commands.md").text, generator()
    assert commands.documented(page) == commands.commands()
    assert page == commands.with_help(page), "run `make docs`"


@pytest.mark.parametrize("page", DOCUMENTS.values(), ids=DOCUMENTS)
def test_every_link_leads_somewhere(page: Document) -> None:
    for link in page.links:
        if link.startswith("https://"):
            continue
        file, anchor = target(page.path, link)
        assert file.exists(), f"{page.path}: {link}"
        assert file.is_relative_to(ROOT), f"{page.path}: {link} leads out of the repository"
        if anchor:
            name = file.relative_to(ROOT).as_posix()
            assert anchor in DOCUMENTS[name].anchors, f"{page.path}: {link}"


def test_every_document_is_reached_from_the_readme() -> None:
    reached, waiting = set[str](), ["README.md"]
    while waiting:
        name = waiting.pop()
        if name in DOCUMENTS and name not in reached:
            reached.add(name)
            files = [target(name, link)[0] for link in DOCUMENTS[name].links if "://" not in link]
            waiting += [file.relative_to(ROOT).as_posix() for file in files]
    assert set(DOCUMENTS) - reached == {"runs/README.md"}, "link it; runs/README.md is found where it lies"


def test_the_readme_stays_short() -> None:
    assert len(DOCUMENTS["README.md"].text.splitlines()) <= LONGEST_README


@pytest.mark.parametrize("page", DOCUMENTS.values(), ids=DOCUMENTS)
def test_prose_has_one_sentence_a_line(page: Document) -> None:
    for line in page.prose.splitlines():
        if not line.startswith(("|", "#", "<!--")):
            assert not re.search(r"[a-z0-9`)*][.!?] [A-Z]", line), f"{page.path}: {line}"


@pytest.mark.parametrize("path", CITING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_document_that_a_file_names_exists_with_its_section(path: Path) -> None:
    for name, title in CITED.findall(path.read_text("utf-8")):
        assert name in DOCUMENTS, f"{path.relative_to(ROOT)} names {name}: write its path from the root"
        titles = re.findall(r"^#+ (.*)$", DOCUMENTS[name].prose, re.MULTILINE)
        assert not title or title in titles, f"{path.relative_to(ROOT)}: {name} has no section {title!r}"


@pytest.mark.parametrize("page", DOCUMENTS.values(), ids=DOCUMENTS)
def test_every_file_that_a_document_names_exists(page: Document) -> None:
    for name in re.findall(
        r"`((?:archsearch|tests|docs|grammars|examples|requirements)/[^`\s]*)`", page.text
    ):
        if not re.search(r"[A-Z]{3}", name):  # NAME, VERB, FORMAT stand for what is to be written
            assert (ROOT / name).exists(), f"{page.path}: {name}"


def test_every_room_is_drawn() -> None:
    rooms = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.name[0] not in "._"}
    drawn = ARCHITECTURE.section("The floors", 2) or ""
    assert not [room for room in rooms - {"py.typed"} if not re.search(rf"\b{room}\b", drawn)]


def test_every_version_says_when_it_rises() -> None:
    with_version = [file for file in FILES if VERSION.search((PACKAGE / file).read_text("utf-8"))]
    assert len(with_version) >= 10
    for file in with_version:
        for page in (ARCHITECTURE.section("Versions", 2) or "",):
            assert f"`archsearch/{file}`" in page, (
                f"docs/architecture.md, Versions: no row on archsearch/{file}"
            )


def test_what_to_touch_names_tables_that_are_there() -> None:
    touched = ARCHITECTURE.section("What to touch", 2) or ""
    rows = re.findall(r"`([A-Z]+)` in `(archsearch/[\w/.]+)`", touched)
    assert len(rows) >= 8
    for table, place in rows:
        files = sorted((ROOT / place).glob("*.py")) or [ROOT / place]
        defines = re.compile(rf"^{table}\b.*=", re.MULTILINE)
        assert any(defines.search(file.read_text("utf-8")) for file in files), f"{table} in {place}"


def test_contributing_names_every_target_of_make_and_every_marker() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]
    for name in set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE)) - {"help"}:
        assert f"`make {name}`" in CONTRIBUTING.text, name
    for marker in settings["markers"]:
        assert f"| `{marker.partition(':')[0]}` |" in CONTRIBUTING.text, marker


def test_before_a_commit_the_same_is_checked_as_by_make_lint() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert lint
    checks = re.findall(r"@\$\(BIN\)/(.*)", lint[1])
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    assert re.findall(r"entry: \.venv/bin/(.*)", hooks) == checks
    assert hooks.count("language: system") == hooks.count("- id:") == len(checks)


def test_every_public_name_is_explained() -> None:
    page = document("docs/python.md").text
    for name in set(archsearch.__all__) - {"__version__"}:
        assert re.search(rf"\barchsearch\.{name}\b", page), (
            f"docs/python.md says nothing of archsearch.{name}"
        )
