"""`archsearch dashboard`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from archsearch.cli.options import runs_option
from archsearch.cli.printing import note, pointer
from archsearch.errors import InputError
from archsearch.store import existing_run

PORT = 8778
NEEDED = ("starlette", "uvicorn", "jinja2", "matplotlib")


@click.command(epilog="Example: archsearch dashboard quick-1")
@click.argument("run")
@runs_option
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65_535),
    default=PORT,
    show_default=True,
    help="Port; 0 for any that is free.",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; one that others reach needs --token.",
)
@click.option("--token", is_flag=True, help="Answer only who has the token, which is made anew and printed.")
def dashboard(run: str, runs: Path, port: int, host: str, token: bool) -> None:
    """Show a run as live pages in a browser on this machine; it is only read.

    Progress, leaderboard, every candidate with its equations, picture, trials and family, operators, curves and settings, as
    they stand now, whether anybody searches in the run or not. Ctrl-C ends it.
    """
    folder = existing_run(run, runs)
    if missing := [package for package in NEEDED if find_spec(package) is None]:
        names = " and ".join(missing)
        raise InputError(
            f"dashboard needs {names}, which is not installed: pip install archsearch[dashboard]"
        )
    from archsearch.reports.dashboard.serving import show_run

    try:
        show_run(
            folder,
            pointer(folder),
            host,
            port,
            token,
            said=lambda address: note(f"{address}  (Ctrl-C ends it)"),
        )
    except KeyboardInterrupt:  # how a server ends
        note("")
