"""The page: it says what evolve says, holds all it shows, lets nothing of a run act, and leaves the run alone."""

from __future__ import annotations

import base64
import hashlib
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from archsearch.actions.board_words import cell_name, found_words
from archsearch.cli.main import run_command
from archsearch.store import RunStore, make_run, read_leaderboard
from tests.cli.conftest import call  # noqa: F401
from tests.helpers import forging
from tests.helpers.commands import Call, Finished
from tests.helpers.forging import HARMFUL
from tests.helpers.plans import preset, run_plan, task_plan

EVIL = "</script></style><img src=http://evil.example/x onerror=alert(1)><b>$x^2$ =1+1"


class Page(HTMLParser):
    """What a browser would find in a page.

    Attributes:
        tags: Every element with its attributes.
        scripts: The texts of scripts with their types.
        text: What a person reads.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[str | None, str]] = []
        self.text, self._inside = "", ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs).get("type"), ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            kind, text = self.scripts[-1]
            self.scripts[-1] = kind, text + data
        elif self._inside != "style":
            self.text += data

    def attributes(self, name: str) -> list[str]:
        return [value for _, found in self.tags if (value := found.get(name)) is not None]


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the content of every file in a folder, but for the memory that SQLite's readers share."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and path.suffix != ".db-shm"
    }


@pytest.fixture(scope="module")
def made(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, Path]:
    """The page of the finished run and its file; nothing in the run's folder has changed."""
    folder = tmp_path_factory.mktemp("report")
    before = files_of(finished.folder)
    assert run_command(["report", str(finished.folder), "-o", str(folder / "report.html")]) == 0
    assert files_of(finished.folder) == before
    return Page(folder / "report.html"), folder / "report.html"


def test_the_page_says_what_evolve_says_and_how_to_do_it_again(
    made: tuple[Page, Path], finished: Finished
) -> None:
    page, _ = made
    with RunStore.open(finished.folder) as store:
        board = read_leaderboard(store, "tiny-1")
    for line in found_words(board):
        assert line in page.text and line in finished.search.out
    assert all((row.name or cell_name(row.id)) in page.text for row in board.rows if row.reference)
    assert "archsearch evolve --preset tiny.toml" in page.text
    assert f"archsearch replay {finished.folder}" in page.text


def test_the_page_fetches_nothing_and_runs_only_the_scripts_that_it_names(made: tuple[Page, Path]) -> None:
    page, _ = made
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.attributes("src"))
    assert all(address.startswith("#") for address in page.attributes("href"))
    policy = next(found["content"] for tag, found in page.tags if tag == "meta" and "http-equiv" in found)
    assert policy is not None and policy.startswith("default-src 'none'; img-src data: blob:;")
    running = [text for kind, text in page.scripts if kind is None]
    for script in running:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy
    assert policy.count("sha256-") == len(running) == 2


def test_every_figure_has_a_place_and_every_heading_is_reached_from_the_top(made: tuple[Page, Path]) -> None:
    page, _ = made
    (figures,) = (json.loads(text) for kind, text in page.scripts if kind == "application/json")
    places = page.attributes("id")
    assert len(places) == len(set(places)) and set(figures) <= set(places)
    assert {"progress-0", "operators-0", "curves-0", "front-0"} <= set(figures)
    assert {address[1:] for address in page.attributes("href")} <= set(places)
    assert "nan" not in json.dumps(figures).lower().split()


@pytest.mark.slow
def test_figures_and_tables_come_in_the_formats_of_papers(
    finished: Finished,
    call: Call,  # noqa: F811
    tmp_path: Path,
) -> None:
    folder = tmp_path / "figures"
    assert call("report", finished.folder, "--figures", folder).code == 0
    names = {path.name for path in folder.iterdir()}
    for key in ("progress", "operators", "curves", "settings", "front"):
        assert {f"{key}.{ending}" for ending in ("png", "pdf", "svg", "csv", "tex")} <= names
    assert {"leaderboard.csv", "leaderboard.tex", "cell-1.svg", "cell-1.tex"} <= names
    assert (folder / "progress.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "progress.pdf").read_bytes().startswith(b"%PDF")
    refused = call("report", finished.folder, "--figures", folder)
    assert refused.code == 2 and f"--force replaces it, and {len(names) - 1} more" in refused.err


def test_a_second_report_says_the_same_and_replaces_nothing_unasked(
    made: tuple[Page, Path],
    finished: Finished,
    call: Call,  # noqa: F811
    tmp_path: Path,
) -> None:
    _, first = made
    refused = call("report", finished.folder, "-o", first)
    assert refused.code == 2 and "--force replaces it" in refused.err
    assert call("report", finished.folder, "-o", tmp_path / "again.html").code == 0
    assert (tmp_path / "again.html").read_bytes() == first.read_bytes()


@pytest.fixture
def hostile(copied: Finished, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of which every free text, its name included, would like to be markup, a script, a formula or an escape."""
    monkeypatch.setattr(forging, "EVIL", EVIL + forging.EVIL)
    forging.forge(copied.folder, engine=True)
    return copied.folder.rename(copied.runs / "<img src=x onerror=alert(2)>")


def test_no_text_of_a_hostile_run_acts(hostile: Path, call: Call, tmp_path: Path) -> None:  # noqa: F811
    done = call("report", hostile, "-o", tmp_path / "report.html")
    assert done.code == 0, done.err
    page = Page(tmp_path / "report.html")
    assert "onerror=alert" in page.text, "the forged names are shown, as text"
    assert len(page.scripts) == 3
    assert not [name for _, found in page.tags for name in found if name.startswith("on")]
    assert all(address.startswith("data:") for address in page.attributes("src"))
    data = next(text for kind, text in page.scripts if kind == "application/json")
    assert "<" not in data and "<img" not in json.dumps(json.loads(data))
    whole = (tmp_path / "report.html").read_text(encoding="utf-8")
    shown = whole.partition('<script type="application/json"')[0] + data
    assert not [harm for harm in HARMFUL if harm in shown]


@pytest.mark.slow
def test_no_file_of_a_hostile_run_harms(hostile: Path, call: Call, tmp_path: Path) -> None:  # noqa: F811
    done = call("report", hostile, "--figures", tmp_path / "figures")
    assert done.code == 0, done.err
    for path in (tmp_path / "figures").iterdir():
        if path.suffix in (".csv", ".tex", ".svg"):
            content = path.read_text(encoding="utf-8")
            assert not [harm for harm in HARMFUL if harm in content], path
            assert "<img" not in content or path.suffix in (".csv", ".tex"), path


def test_a_run_without_anything_yet_has_a_page_that_says_so(call: Call, tmp_path: Path) -> None:  # noqa: F811
    make_run(tmp_path / "empty", run_plan(preset({"arithmetic": task_plan(), "xml": task_plan()})))
    done = call("report", tmp_path / "empty", "-o", tmp_path / "e.html")
    assert done.code == 0, done.err
    text = Page(tmp_path / "e.html").text
    assert "Nothing yet: no cell has a fitness." in text and "No curve is kept yet." in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to write: give a page with -o report.html, or a folder with --figures DIR"),
        (("-o", "report.pdf"), "a report is a page, so its name ends in .html"),
        (("-o", "nowhere/report.html"), "no folder nowhere; make it first"),
        (("--figures", "nowhere/figures"), "no folder nowhere; make it first"),
    ],
)
def test_what_cannot_be_written_is_refused_at_once(
    arguments: tuple[str, ...],
    message: str,
    finished: Finished,
    call: Call,  # noqa: F811
) -> None:
    done = call("report", finished.folder, *arguments)
    assert done.code == 2 and message in done.err and len(done.err.splitlines()) == 1


def test_a_missing_library_is_named_with_what_installs_it(
    finished: Finished,
    call: Call,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("archsearch.cli.report.find_spec", lambda name: None)
    done = call("report", finished.folder, "-o", "report.html")
    assert done.code == 2
    assert "-o needs jinja2 and plotly, which is not installed: pip install archsearch[report]" in done.err


def test_without_scikit_learn_the_importance_is_left_out_with_a_sentence(
    finished: Finished,
    call: Call,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("archsearch.cli.report.find_spec", lambda name: None if name == "sklearn" else True)
    assert call("report", finished.folder, "-o", tmp_path / "report.html").code == 0
    assert "Left out: it needs scikit-learn" in Page(tmp_path / "report.html").text
