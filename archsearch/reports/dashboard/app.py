"""The pages of a run, by their addresses. Nothing is found by the name of a file, and nothing can be changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from archsearch import __version__
from archsearch.actions.status import status_lines
from archsearch.errors import ArchsearchError
from archsearch.exporters.drawing.svg import to_svg
from archsearch.reports.dashboard.drawing import Drawings, size_in_pixels
from archsearch.reports.dashboard.guards import PICTURE_POLICY, guards
from archsearch.reports.dashboard.listing import Listing, Wish
from archsearch.reports.dashboard.live import LiveRun, Snapshot
from archsearch.reports.dashboard.one_cell import known_cell, read_cell_page
from archsearch.reports.templates import environment
from archsearch.store.folder import settings_toml

HERE = Path(__file__).parent
STATIC = {
    "style.css": ("text/css", (HERE.parent / "style.css", HERE / "static" / "pages.css")),
    "htmx.js": ("text/javascript", (HERE / "static" / "htmx.min.js",)),
}
"""What pages load besides, by its address: its kind, and the files it is made of."""

CELL_PAGES = 4
"""What is known of so many cells is kept until others are asked for."""

FOREVER = {"cache-control": "private, max-age=86400, immutable"}
"""Of what another version of the run or of archsearch has another address for."""

PAGES = {
    "/": "Overview",
    "/leaderboard": "Leaderboard",
    "/candidates": "Candidates",
    "/operators": "Operators",
    "/curves": "Curves",
    "/settings": "Settings",
}


def build_app(live: LiveRun, host: str = "127.0.0.1", token: str | None = None) -> Starlette:
    """Return what answers requests for a run's pages.

    Args:
        live: The run.
        host: The address that is listened at.
        token: What a browser has to show; None for nothing.
    """
    pages = Pages(live)
    routes = [
        Route("/", pages.overview),
        Route("/leaderboard", pages.leaderboard),
        Route("/candidates", pages.candidates),
        Route("/operators", pages.operators),
        Route("/curves", pages.curves),
        Route("/settings", pages.settings),
        Route("/cell/{cell}", pages.cell),
        Route("/cell/{cell}/graph.svg", pages.graph),
        Route("/cell/{cell}/curves.svg", pages.cell_curves),
        Route("/figure/{key}.svg", pages.figure),
        *(Route(f"/static/{name}", partial(static, name=name)) for name in STATIC),
    ]
    handlers: dict[Any, Any] = {ArchsearchError: pages.trouble, 404: pages.missing}
    return Starlette(routes=routes, middleware=list(guards(host, token)), exception_handlers=handlers)


def static(request: Request, name: str) -> Response:
    """Return what every page loads.

    Args:
        request: For it.
        name: Its address.
    """
    kind, files = STATIC[name]
    return Response(b"\n".join(file.read_bytes() for file in files), media_type=kind, headers=FOREVER)


class Pages:
    """Makes the pages of a run.

    Args:
        live: The run.

    Attributes:
        live: The same.
        drawings: Its charts.
        cell_page: Returns what is known of a cell; a page and the two pictures in it ask for the same.
        templates: What pages are made of.
    """

    def __init__(self, live: LiveRun) -> None:
        self.live, self.drawings, self.templates = live, Drawings(), environment()
        self.cell_page = lru_cache(CELL_PAGES)(read_cell_page)
        self.templates.filters["size"] = size_in_pixels
        live.prepare = self.drawings.prepare
        for name in self.templates.list_templates(
            filter_func=lambda name: name.startswith("dashboard/pages/")
        ):
            self.templates.get_template(name)

    def _page(self, name: str, code: int = 200, **shown: Any) -> Response:
        page = self.templates.get_template(f"dashboard/pages/{name}.html")
        text = page.render(run=self.live.folder.name, version=__version__, pages=PAGES, **shown)
        return Response(text, code, media_type="text/html")

    def overview(self, request: Request) -> Response:
        """What the run is doing, and what it has found."""
        snapshot = self.live.snapshot()
        status = snapshot.material.status
        return self._page(
            "overview",
            here="/",
            snapshot=snapshot,
            report=snapshot.report,
            status=status,
            lines=status_lines(status),
            fates=snapshot.material.board.fates,
        )

    def leaderboard(self, request: Request) -> Response:
        """The pool and the references."""
        snapshot = self.live.snapshot()
        words = snapshot.report.leaderboard.words
        return self._listed(request, snapshot, snapshot.board, words)

    def candidates(self, request: Request) -> Response:
        """Every candidate that was tried."""
        snapshot = self.live.snapshot()
        words = (
            "Every cell that was tried, in the order in which they came, with what is believed of it now.",
            "Where there is no rank the cell has no fitness: see how it ended.",
        )
        return self._listed(request, snapshot, snapshot.candidates, words)

    def _listed(
        self, request: Request, snapshot: Snapshot, listing: Listing, words: tuple[str, ...]
    ) -> Response:
        """Return a page with a long table.

        Args:
            request: For it.
            snapshot: The run.
            listing: The table.
            words: What is said above it.
        """
        shown = listing.shown(Wish.said(request.query_params))
        here = request.scope["path"]
        return self._page(
            "listing", here=here, title=PAGES[here], words=words, shown=shown, snapshot=snapshot
        )

    def operators(self, request: Request) -> Response:
        """How far the children of each operator came."""
        return self._sections("/operators", ("operators",))

    def curves(self, request: Request) -> Response:
        """How the best cells learned, where they come from, and what they cost."""
        return self._sections("/curves", ("curves", "lengths", "front"))

    def _sections(self, here: str, keys: tuple[str, ...]) -> Response:
        snapshot = self.live.snapshot()
        sections = [one for one in snapshot.report.sections if one.key in keys]
        return self._page("sections", here=here, title=PAGES[here], snapshot=snapshot, sections=sections)

    def settings(self, request: Request) -> Response:
        """What the run was asked for, and what its settings did."""
        snapshot = self.live.snapshot()
        return self._page(
            "settings",
            here="/settings",
            snapshot=snapshot,
            report=snapshot.report,
            section=next(one for one in snapshot.report.sections if one.key == "settings"),
            toml=settings_toml(snapshot.material.plan),
        )

    def cell(self, request: Request) -> Response:
        """All that is known of a cell; the beginning of an id leads to it."""
        snapshot, given = self.live.snapshot(), request.path_params["cell"]
        if known_cell(snapshot, given):
            return self._page(
                "cell",
                here="",
                snapshot=snapshot,
                pointer=self.live.pointer,
                cell=self.cell_page(snapshot, given),
            )
        like = [one for one in snapshot.kin.births if given and one.startswith(given)][:2]
        return RedirectResponse(f"/cell/{like[0]}") if len(like) == 1 else self.missing(request)

    def graph(self, request: Request) -> Response:
        """The picture of a cell."""
        return self._drawn_cell(request, lambda page, _: to_svg(page.cell).encode())

    def cell_curves(self, request: Request) -> Response:
        """The training curves of a cell."""
        return self._drawn_cell(
            request, lambda page, at: self.drawings.panels(at.version, f"cell {page.id}", page.panels)
        )

    def _drawn_cell(self, request: Request, draw: Callable[[Any, Snapshot], bytes | None]) -> Response:
        snapshot, given = self.live.snapshot(), request.path_params["cell"]
        if not known_cell(snapshot, given):
            return self.missing(request)
        return self._picture(request, draw(self.cell_page(snapshot, given), snapshot))

    def figure(self, request: Request) -> Response:
        """The chart of a section."""
        return self._picture(request, self.drawings.section(self.live.snapshot(), request.path_params["key"]))

    def _picture(self, request: Request, picture: bytes | None) -> Response:
        if picture is None:
            return self.missing(request)
        headers = {"content-security-policy": PICTURE_POLICY, **FOREVER}
        return Response(picture, media_type="image/svg+xml", headers=headers)

    def missing(self, request: Request, error: Exception | None = None) -> Response:
        """What is said where there is nothing."""
        return self._page("trouble", 404, here="", trouble="There is no such page, and no such cell.")

    def trouble(self, request: Request, error: Exception) -> Response:
        """What is said where the run cannot be read."""
        return self._page("trouble", 503, here="", trouble=str(error))
