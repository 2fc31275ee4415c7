"""The report as one HTML file that holds all it shows: nothing is fetched, and nothing in it can fetch anything.

Texts and tables need no script. What is drawn by plotly is data for its code, which the page holds. A policy in the page
names by their hashes the only two scripts that may run, so that a text of a run that passed for markup would do nothing.
"""

from __future__ import annotations

import base64
import hashlib

from plotly.offline import get_plotlyjs

from archsearch import __version__
from archsearch.exporters.drawing.svg import to_svg
from archsearch.reports.contents import Portrait, RunReport
from archsearch.reports.interactive import interactive
from archsearch.reports.templates import environment

DRAW = """
(function () {
  "use strict";
  var figures = JSON.parse(document.getElementById("figures").textContent);
  function draw() {
    var colour = getComputedStyle(document.body).color;
    Object.keys(figures).forEach(function (key) {
      var holder = document.getElementById(key), figure = figures[key];
      figure.layout.font = { color: colour, family: "system-ui, sans-serif", size: 12 };
      Plotly.react(holder, figure.data, figure.layout, { responsive: true, displaylogo: false });
      holder.classList.add("drawn");
    });
  }
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
"""
"""What the page itself runs, after plotly."""


def to_html(report: RunReport) -> str:
    """Return the page of a report."""
    figures = {
        f"{section.key}-{place}": figure.to_plotly_json()
        for section in report.sections
        for place, figure in enumerate(interactive(section.panels))
    }
    scripts = [_script(get_plotlyjs()), _script(DRAW)]
    policy = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    return (
        environment()
        .get_template("page.html")
        .render(
            report=report,
            version=__version__,
            policy=policy,
            figures=figures,
            scripts=scripts,
            picture=_picture,
        )
    )


def _script(text: str) -> str:
    """Return a script as a page gives it to a browser, so that its hash is what the browser finds."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _picture(portrait: Portrait) -> str:
    """Return the drawing of a cell as the address of an image, in which no script runs and whose styles are its own."""
    return "data:image/svg+xml;base64," + base64.b64encode(to_svg(portrait.cell).encode()).decode()
