"""`archsearch doctor`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import click

from archsearch.actions.finding import Finding
from archsearch.actions.host_checks import HOST_CHECKS, Host
from archsearch.actions.run_checks import RUN_CHECKS, Patient, damaged
from archsearch.cli.options import data_option, json_option, runs_option
from archsearch.cli.printing import pointer, print_json
from archsearch.errors import InputError, StoreError
from archsearch.store import existing_run, run_folder
from archsearch.store.salvage import salvage
from archsearch.words import plain

Subject = TypeVar("Subject")
MARKS = {"ok": " ", "look": "?", "bad": "!"}


@click.command(epilog="Example: archsearch doctor quick-1")
@click.argument("run", required=False)
@runs_option
@data_option
@click.option("--salvage", "new", metavar="NEW", help="Copy every row of RUN that holds into a new run.")
@json_option
def doctor(run: str | None, runs: Path, data: Path | None, new: str | None, as_json: bool) -> int:
    """Look at this machine, or at a run: what is damaged, and the way out.

    Lines that begin with ? are worth a look, those with ! do not work. Exits with 1 if something here does not work, with 4
    if the run is damaged. --salvage leaves RUN as it is; what NEW lacks is asked and trained again when it goes on.
    """
    if run is None:
        if new is not None:
            raise InputError("--salvage needs the run that is damaged: archsearch doctor RUN --salvage NEW")
        return _print_findings(_look(HOST_CHECKS, Host(runs, data)), as_json, _of_host, 1)
    folder = existing_run(run, runs)
    if new is not None:
        return _print_salvaged(folder, run_folder(new, runs), as_json)
    return _print_findings(
        _look(RUN_CHECKS, Patient(folder)),
        as_json,
        lambda findings: _of_run(findings, folder),
        StoreError.exit_code,
    )


def _look(checks: Mapping[str, Callable[[Subject], Finding]], subject: Subject) -> dict[str, Finding]:
    return {name: check(subject) for name, check in checks.items()}


def _print_findings(
    findings: dict[str, Finding], as_json: bool, last: Callable[[dict[str, Finding]], str], code: int
) -> int:
    """Print what was found and return the exit code."""
    bad = damaged(list(findings.values()))
    if as_json:
        print_json(
            {
                "sound": not bad,
                "summary": last(findings),
                "checks": {
                    name: {"state": finding.state, "text": finding.text} for name, finding in findings.items()
                },
            }
        )
    else:
        width = max(map(len, findings))
        for name, finding in findings.items():
            click.echo(plain(f"{MARKS[finding.state]} {name:<{width}}  {finding.text}"))
        click.echo(plain(last(findings)))
    return code if bad else 0


def _of_host(findings: dict[str, Finding]) -> str:
    """Return the last line on this machine."""
    bad = [name for name, finding in findings.items() if finding.state == "bad"]
    if bad:
        return f"Does not work here: {', '.join(bad)}."
    look = [name for name, finding in findings.items() if finding.state == "look"]
    return f"All works here; worth a look: {', '.join(look)}." if look else "All is well here."


def _of_run(findings: dict[str, Finding], folder: Path) -> str:
    """Return the last line on a run."""
    bad = [name for name, finding in findings.items() if finding.state == "bad"]
    if not bad:
        return f"{folder.name} is sound."
    new = shlex.quote(f"{folder.name}-saved")
    return (
        f"{folder.name} is damaged ({', '.join(bad)}). Put back a copy, or save what holds: "
        f"archsearch doctor {pointer(folder)} --salvage {new}"
    )


def _print_salvaged(folder: Path, to: Path, as_json: bool) -> int:
    """Save what holds of a run, and say what that is."""
    contents = salvage(folder, to)
    saved = {table: len(rows) for table, rows in contents.rows.items()} | {"steps": len(contents.steps)}
    lost = {table: len(keys) for table, keys in contents.lost.items()}
    if as_json:
        print_json({"run": str(to), "saved": saved, "lost": lost, "unread": contents.unread})
        return 0
    click.echo(
        plain(f"saved {', '.join(f'{saved[table]:,} {table}' for table in ('steps', 'cells', 'trials'))}")
    )
    if gone := ", ".join(f"{count:,} {table}" for table, count in lost.items() if count):
        click.echo(plain(f"lost  {gone}, which did not hold"))
    if contents.unread:
        click.echo(plain(f"lost  what could not be read of {', '.join(contents.unread)}"))
    click.echo(
        plain(f"{to} lies beside the damaged run; go on with it: archsearch evolve --run {pointer(to)}")
    )
    return 0
