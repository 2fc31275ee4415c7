"""The figures and tables of a report as files for a paper."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator

import matplotlib

from archsearch.exporters.drawing.svg import to_svg
from archsearch.exporters.latex import to_latex
from archsearch.reports.contents import RunReport
from archsearch.reports.printed import printed_panels
from archsearch.reports.tables import to_csv, to_latex_table

FORMATS = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
"""Ending -> what a file of it says of itself: nothing that differs from one day to the next."""

DOTS = 200
"""Of an inch, in a PNG."""


def report_files(report: RunReport) -> Iterator[tuple[str, bytes]]:
    """Yield every file by name: each chart in all formats, each table as CSV and LaTeX, the cells with their equations."""
    for section in report.sections:
        if section.panels:
            picture = printed_panels(section.panels)
            for ending, metadata in FORMATS.items():
                content = io.BytesIO()
                with warnings.catch_warnings(), matplotlib.rc_context({"svg.hashsalt": section.key}):
                    warnings.simplefilter("ignore", UserWarning)  # a name that the font lacks a sign of
                    picture.savefig(content, format=ending, metadata=metadata, dpi=DOTS)
                yield f"{section.key}.{ending}", content.getvalue()
        if section.table is not None:
            yield f"{section.key}.csv", to_csv(section.table).encode()
            yield f"{section.key}.tex", to_latex_table(section.table).encode()
    for portrait in report.portraits:
        yield f"cell-{portrait.row.rank}.svg", to_svg(portrait.cell).encode()
        yield f"cell-{portrait.row.rank}.tex", to_latex(portrait.cell).encode()
