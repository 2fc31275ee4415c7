"""`archsearch report`."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import click

from archsearch.cli.options import runs_option, top_option
from archsearch.cli.printing import note, pointer
from archsearch.errors import InputError
from archsearch.files import write_whole
from archsearch.store import existing_run

PAGE, FIGURES = ("jinja2", "plotly"), ("matplotlib",)
"""What a page is made with, and what figures are."""


@click.command(epilog="Example: archsearch report quick-1 -o report.html")
@click.argument("run")
@runs_option
@click.option(
    "-o",
    "--output",
    "page",
    metavar="FILE.html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page; it holds all it shows and opens without a network. Needs plotly and jinja2.",
)
@click.option(
    "--figures",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write each figure there as PNG, PDF and SVG, each table as CSV and LaTeX. Needs matplotlib.",
)
@top_option(10, "Ranks that are shown, drawn and followed to their ancestors.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
def report(run: str, runs: Path, page: Path | None, figures: Path | None, top: int, force: bool) -> None:
    """Write what a run found as a page, and as figures and tables for a paper.

    The run is only read, whether anybody searches in it or not: verdict, leaderboard, progress, the best cells and where
    they come from, operators, training curves, settings, and what cells cost.
    """
    folder = existing_run(run, runs)
    if page is None and figures is None:
        raise InputError("nothing to write: give a page with -o report.html, or a folder with --figures DIR")
    _check(page, figures, force)
    from archsearch.reports.contents import contents
    from archsearch.reports.material import read_run_material
    from archsearch.reports.settings_scores import trial_skills

    material = read_run_material(folder, top)
    shares = None
    if find_spec("sklearn") is not None:
        from archsearch.studies.importance_in_run import importance_in_run

        shares = importance_in_run(trial_skills(material))
    made = contents(material, shares, pointer(folder))
    if figures is not None:
        from archsearch.reports.files import report_files

        _write_all(figures, dict(report_files(made)), force)
    if page is not None:
        from archsearch.reports.page import to_html

        _write(page, to_html(made).encode())


def _check(page: Path | None, figures: Path | None, force: bool) -> None:
    """Refuse what could not be written, before anything is read.

    Args:
        page: The page.
        figures: The folder of figures.
        force: Whether files that are there may be replaced.
    """
    for given, option, packages in ((page, "-o", PAGE), (figures, "--figures", FIGURES)):
        if given is None:
            continue
        if missing := [package for package in packages if find_spec(package) is None]:
            names = " and ".join(missing)
            raise InputError(
                f"{option} needs {names}, which is not installed: pip install archsearch[report]"
            )
        if not given.parent.is_dir():
            raise InputError(f"{option} {given}: no folder {given.parent}; make it first")
    if page is not None and page.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"-o {page}: a report is a page, so its name ends in .html")
    if page is not None and page.exists() and not force:
        raise InputError(f"{page} is there already; --force replaces it")


def _write_all(folder: Path, files: dict[str, bytes], force: bool) -> None:
    """Write files to a folder, which is made if it is not there.

    Args:
        folder: Where.
        files: Contents by name.
        force: Whether files that are there may be replaced.
    """
    there = [name for name in files if (folder / name).exists()]
    if there and not force:
        raise InputError(
            f"{folder / there[0]} is there already; --force replaces it, and {len(there) - 1} more"
        )
    _reported(folder, lambda: folder.mkdir(exist_ok=True))
    for name, content in files.items():
        _reported(folder / name, partial(write_whole, folder / name, content))
    note(f"{folder}: {len(files)} files")


def _write(path: Path, content: bytes) -> None:
    _reported(path, lambda: write_whole(path, content))
    note(f"{path}: {len(content) / 2**20:.1f} MiB")


def _reported(path: Path, act: Callable[[], object]) -> None:
    """Turn what the system says of a file into a line; a full disk is told by the command line."""
    try:
        act()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(f"{path}: {error.strerror}") from None
