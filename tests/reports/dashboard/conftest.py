"""A run's pages, asked for in this process, and what a browser finds in them."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from archsearch.reports.dashboard.app import build_app
from archsearch.reports.dashboard.live import LiveRun
from tests.helpers.commands import Finished


class ReadPage(HTMLParser):
    """What a browser finds in a page.

    Attributes:
        tags: Every element with its attributes.
        text: What a person reads.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, name: str) -> list[str]:
        return [value for _, found in self.tags if (value := found.get(name)) is not None]


def browser(folder: Path, host: str = "127.0.0.1", token: str | None = None) -> TestClient:
    """Return what asks for the pages of a run."""
    app = build_app(LiveRun(folder, folder.name, patience=60.0), host, token)
    return TestClient(app, base_url=f"http://{host}:8778", follow_redirects=False)


@pytest.fixture(scope="module")
def client(finished: Finished) -> Iterator[TestClient]:
    """Asks for the pages of the finished run."""
    with browser(finished.folder) as client:
        yield client
