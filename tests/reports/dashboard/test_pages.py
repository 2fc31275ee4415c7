"""The pages say what the run's records say, link to each other, and fetch nothing from elsewhere."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from starlette.testclient import TestClient

from archsearch.actions.board_words import cell_name, found_words
from archsearch.actions.lineage import read_lineage
from archsearch.reports.content import ShownTable
from archsearch.reports.dashboard import live, one_cell
from archsearch.reports.dashboard.app import HERE, PAGES
from archsearch.reports.dashboard.listing import Listing, Wish
from archsearch.store import RunStore, make_run, read_leaderboard
from tests.helpers import forging
from tests.helpers.commands import Finished
from tests.helpers.forging import HARMFUL
from tests.helpers.plans import preset, run_plan, task_plan
from tests.reports.dashboard.conftest import ReadPage, browser
from tests.reports.test_page import EVIL, files_of

HTMX = "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"


def read(client: TestClient, address: str) -> ReadPage:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return ReadPage(answer.text)


def every_page(client: TestClient, folder: Path, pictures: tuple[str, ...] = ("/",)) -> list[str]:
    """Return the addresses of all pages, of some cells', and of the pictures in them that begin so."""
    with RunStore.open(folder) as store:
        ids = [row.id for row in read_leaderboard(store, "").rows][:2]
        ids += [step.cell for step, _ in store.steps.read() if step.cell][-1:]
    found = [*PAGES, *(f"/cell/{one}" for one in ids)]
    drawn = [source for page in found for source in read(client, page).attributes("src") if ".svg" in source]
    return list(dict.fromkeys([*found, *(one for one in drawn if one.startswith(pictures))]))


def test_the_overview_says_what_evolve_and_status_say(client: TestClient, finished: Finished) -> None:
    page = read(client, "/")
    with RunStore.open(finished.folder) as store:
        board = read_leaderboard(store, "tiny-1")
    assert all(line in page.text for line in found_words(board))
    assert "finished" in page.text and f"{board.told:,} steps, {board.candidates:,} candidates" in page.text
    assert all(fate in page.text for fate in board.fates)


def test_the_leaderboard_has_every_row_with_a_way_to_its_cell(client: TestClient, finished: Finished) -> None:
    with RunStore.open(finished.folder) as store:
        rows = read_leaderboard(store, "tiny-1").rows
    page = read(client, "/leaderboard")
    assert {f"/cell/{row.id}" for row in rows} <= set(page.attributes("href"))
    assert all((row.name or cell_name(row.id)) in page.text for row in rows)
    assert [found for tag, found in page.tags if tag == "th" and found.get("aria-sort") == "none"]


def test_a_cell_has_its_equations_picture_trials_curves_and_family(
    client: TestClient, finished: Finished
) -> None:
    with RunStore.open(finished.folder) as store:
        child = next(step for step, _ in store.steps.read() if step.parent)
        trials = store.trials.of(child.cell)
    page = read(client, f"/cell/{child.cell}")
    assert f"/cell/{child.parent}" in page.attributes("href")
    assert child.applied[0].operator in page.text and "h' = " in page.text
    assert all(trial.key[:9] in page.text for trial, _ in trials)
    parent = read(client, f"/cell/{child.parent}")
    assert f"/cell/{child.cell}" in parent.attributes("href"), "it is among its parent's children"
    drawn = client.get(f"/cell/{child.parent}/graph.svg")
    assert drawn.headers["content-type"] == "image/svg+xml" and "<svg" in drawn.text
    assert "<svg" in client.get(f"/cell/{child.parent}/curves.svg").text


def test_a_page_of_a_cell_and_its_pictures_read_the_cell_once(
    copied: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_from: list[str] = []
    monkeypatch.setattr(
        one_cell, "read_lineage", lambda store, cell: read_from.append(cell) or read_lineage(store, cell)
    )
    with RunStore.open(copied.folder) as store:
        best, other = (row.id for row in read_leaderboard(store, "").rows[:2])
    client = browser(copied.folder)
    for _ in range(2):
        client.get("/")  # whether the run has just changed is known then
    for end in ("", "/graph.svg", "/curves.svg"):
        assert client.get(f"/cell/{best}{end}").status_code == 200
    assert read_from == [best]
    client.get(f"/cell/{other}")
    assert read_from == [best, other]
    os.utime(copied.folder / "run.db")
    client.get(f"/cell/{best}")
    assert read_from == [best, other, best], "the run may be another"


def test_the_beginning_of_an_id_leads_to_its_cell_and_nothing_else_does(
    client: TestClient, finished: Finished
) -> None:
    with RunStore.open(finished.folder) as store:
        cell = store.steps.read()[0][0].cell
    led = client.get(f"/cell/{cell[:9]}")
    assert led.status_code == 307 and led.headers["location"] == f"/cell/{cell}"
    for name in ("c", "x" * 400, "%2e%2e%2frun.db", "..%2frun.toml", "%00", "CON", "<b>"):
        assert client.get(f"/cell/{name}").status_code in (404, 307), name
        assert client.get(f"/figure/{name}.svg").status_code == 404
        assert client.get(f"/static/{name}").status_code == 404


def test_operators_curves_and_settings_stand_beside_what_makes_the_run_again(client: TestClient) -> None:
    assert "passed the filter" in read(client, "/operators").text
    assert "test score" in read(client, "/curves").text
    settings = read(client, "/settings").text
    assert "archsearch evolve --preset tiny.toml" in settings and "[preset.search]" in settings


def test_every_link_leads_somewhere_everything_comes_from_here_and_the_run_stays_as_it_is(
    client: TestClient, finished: Finished
) -> None:
    before = files_of(finished.folder)
    for address in every_page(client, finished.folder):
        page = ReadPage(client.get(address).text)
        for target in (*page.attributes("href"), *page.attributes("src"), *page.attributes("hx-get")):
            assert target.startswith("/") and not target.startswith("//"), (address, target)
        for target in [*page.attributes("src"), *page.attributes("href")][:12]:
            assert client.get(target).status_code in (200, 307), (address, target)
    assert files_of(finished.folder) == before


def test_pages_need_no_script_and_hold_none(client: TestClient, finished: Finished) -> None:
    for address in every_page(client, finished.folder):
        page = read(client, address)
        scripts = [found.get("src") for tag, found in page.tags if tag == "script"]
        assert scripts in ([], [next(iter(scripts), None)]) and all(one for one in scripts)
        assert not page.attributes("style") or ".svg" in address
        assert not [name for _, found in page.tags for name in found if name.startswith("on")]
    form = read(client, "/candidates")
    assert ("form", "/candidates") in [(tag, found.get("action")) for tag, found in form.tags]


def test_the_script_is_the_one_that_was_published(client: TestClient) -> None:
    content = (HERE / "static" / "htmx.min.js").read_bytes()
    assert hashlib.sha256(content).hexdigest() == HTMX
    assert HTMX in (HERE / "static" / "htmx.LICENSE.txt").read_text(encoding="utf-8")
    assert client.get("/static/htmx.js").content == content


def test_a_page_is_of_the_moment_in_which_it_is_asked_for(copied: Finished) -> None:
    with browser(copied.folder) as client:
        assert "finished" in read(client, "/").text
        with RunStore.open(copied.folder, write=True) as store:
            store.facts.ended = None
            assert "stopped" in read(client, "/").text, "the writer is at work, and its change is seen"


def test_a_run_that_is_damaged_or_gone_is_said_and_comes_back(copied: Finished) -> None:
    with browser(copied.folder) as client:
        file = copied.folder / "run.db"
        shutil.move(file, copied.runs / "kept")
        for log in copied.folder.glob("run.db-*"):
            log.unlink()
        gone = client.get("/")
        assert gone.status_code == 503 and "is missing" in ReadPage(gone.text).text
        file.write_bytes(b"no database at all" * 100)
        damaged = client.get("/leaderboard")
        assert damaged.status_code == 503 and "damaged" in ReadPage(damaged.text).text
        shutil.move(copied.runs / "kept", file)
        assert client.get("/").status_code == 200


def test_no_text_of_a_hostile_run_acts(copied: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forging, "EVIL", EVIL + forging.EVIL)
    forging.forge(copied.folder, engine=True)
    folder = copied.folder.rename(copied.runs / "<img src=x onerror=alert(2)>")
    with browser(folder) as client:
        pages = every_page(client, folder, pictures=("/figure/operators", "/cell"))
        for address in pages:
            answer = client.get(address)
            page = ReadPage(answer.text)
            assert not [harm for harm in HARMFUL if harm in answer.text], address
            assert not [name for _, found in page.tags for name in found if name.startswith("on")]
            assert all(source.startswith("/") for source in page.attributes("src"))
            assert "b" not in [tag for tag, _ in page.tags]
        assert "onerror=alert" in read(client, "/candidates").text, "the forged names are shown, as text"


def test_a_run_without_anything_yet_has_pages_that_say_so(tmp_path: Path) -> None:
    make_run(tmp_path / "empty", run_plan(preset({"arithmetic": task_plan(), "xml": task_plan()})))
    with browser(tmp_path / "empty") as client:
        for address in PAGES:
            read(client, address)
        assert "Nothing yet: no cell has a fitness." in read(client, "/").text
        assert "None yet" in read(client, "/candidates").text


def test_a_large_run_is_read_in_the_background_and_not_all_the_time(
    copied: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr(live.threading, "Thread", lambda **given: started.append(given) or started_later)
    run = live.LiveRun(copied.folder, "tiny-1", patience=0.0)
    first = run.snapshot()
    run.began, run.took = 0.0, 1.0
    monkeypatch.setattr(live.time, "monotonic", lambda: 9.9)
    assert run.snapshot() is first and not started, "it rests nine times as long as it read"
    monkeypatch.setattr(live.time, "monotonic", lambda: 10.1)
    assert run.snapshot() is first and len(started) == 1, "the old one is shown meanwhile"
    assert run.snapshot() is first and len(started) == 1, "one reading at a time"
    started[0]["target"](*started[0]["args"])
    assert run.snapshot() is not first


class _Later:
    def start(self) -> None:
        """Do nothing yet."""


started_later = _Later()


def test_pictures_are_kept_by_browsers_under_the_version_of_the_run(
    client: TestClient, finished: Finished
) -> None:
    (source,) = [one for one in read(client, "/").attributes("src") if ".svg" in one]
    assert re.fullmatch(r"/figure/progress\.svg\?at=[0-9a-f]{16}", source)
    assert "immutable" in client.get(source).headers["cache-control"]
    assert client.get("/").headers["cache-control"] == "no-store"


def test_a_long_table_is_sorted_searched_and_cut_into_pages() -> None:
    columns = ("step", "cell", "ended as", "estimate")
    rows = tuple((at, f"c{at}", "diverged" if at % 3 else "evaluated", 0.01 * at) for at in range(120))
    rows += ((120, "c120", "evaluated", None), (121, "cx", "evaluated", float("nan")))
    listing = Listing(ShownTable(columns, rows), tuple(f"id{row[0]}" for row in rows), "ended as")

    def steps(address: str) -> list[object]:
        shown = listing.shown(Wish.said(dict(parse_qsl(address))))
        return [row[0] for _, row, _ in shown.rows]

    assert steps("") == list(range(50)) and steps("page=3") == list(range(100, 122))
    assert steps("sort=estimate&down=1")[:2] == [119, 118]
    assert steps("sort=estimate&page=3")[-2:] == steps("sort=estimate&down=1&page=3")[-2:] == [120, 121], (
        "last"
    )
    assert steps("only=evaluated&page=9") == [*range(0, 120, 3), 120, 121], "the last page there is"
    assert steps("find=CX") == [121] == steps("find=id121")
    assert steps("sort=nothing&page=-1&only=no&down=x") == list(range(50)), "what makes no sense says nothing"
    shown = listing.shown(Wish("estimate", True, find="c", page=2))
    assert shown.before == "?sort=estimate&down=1&find=c" and shown.after.endswith("&page=3")
    assert (shown.first, shown.last, shown.found, shown.total) == (51, 100, 122, 122)
    assert [heading.sorted for heading in shown.headings] == ["none", "none", "none", "descending"]
