"""What the doctor looks at in a run; a new check is a function and a line in `RUN_CHECKS`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from archsearch.actions.finding import Finding
from archsearch.actions.host_checks import size
from archsearch.errors import StoreError
from archsearch.files import is_ours
from archsearch.store import Lock, RunStore, read_leaderboard
from archsearch.store.connecting import RECOVERY
from archsearch.store.file_system import network_warning
from archsearch.store.run_store import FILE
from archsearch.store.salvage import Examination, examine

NAMED = 5
"""Rows that do not hold, of which people are told the keys."""


@dataclass(frozen=True)
class Patient:
    """A run that is looked at.

    Attributes:
        folder: Where it lies.
    """

    folder: Path

    @cached_property
    def examination(self) -> Examination:
        """What is in its database."""
        return examine(self.folder / FILE)


def _folder(run: Patient) -> Finding:
    sizes = [
        path.stat().st_size for path in run.folder.rglob("*") if path.is_file() and not path.is_symlink()
    ]
    log = run.folder / f"{FILE}-wal"
    text = f"{run.folder}, {size(sum(sizes))}, database {size((run.folder / FILE).stat().st_size)}"
    text += f", its log {size(log.stat().st_size)}" if log.exists() else ""
    return Finding(text) if is_ours(run.folder) else Finding(f"{text}; others may write there", "look")


def _file_system(run: Patient) -> Finding:
    warning = network_warning(run.folder)
    return Finding(warning, "look") if warning else Finding("a disk of this machine")


def _lock(run: Patient) -> Finding:
    holder = Lock(run.folder).holder
    return Finding(f"in use by {holder}" if holder else "nobody searches in it")


def _database(run: Patient) -> Finding:
    fault = run.examination.fault
    return (
        Finding(fault, "bad")
        if fault
        else Finding("made as a run's is, to the letter, and every page holds together")
    )


def _rows(table: str) -> Callable[[Patient], Finding]:
    def check(run: Patient) -> Finding:
        contents = run.examination.contents
        held, lost = contents.rows[table], contents.lost.get(table, [])
        text = f"{len(held):,} hold"
        if lost:
            text += (
                f", {len(lost):,} do not: {', '.join(map(_named, lost[:NAMED]))}{', …' * (len(lost) > NAMED)}"
            )
        if table in contents.unread:
            text += ", others cannot be read" if held else ", none can be read"
        return Finding(text, "bad" if lost or table in contents.unread else "ok")

    return check


def _named(key: object) -> str:
    return str(key)[:12]


def _facts(run: Patient) -> Finding:
    finding = _rows("facts")(run)
    if "plan" in run.examination.contents.facts:
        return finding
    return Finding("the plan of the run is lost", "bad")


def _steps(run: Patient) -> Finding:
    contents = run.examination.contents
    missing = len(contents.rows["steps"]) - len(contents.steps)
    finding = _rows("steps")(run)
    if not missing or finding.state == "bad":
        return finding
    return Finding(f"{finding.text}, but step {len(contents.steps)} or its cell is missing", "bad")


def _leaderboard(run: Patient) -> Finding:
    try:
        with RunStore.open(run.folder) as store:
            board, ended = read_leaderboard(store, run.folder.name), store.facts.ended
    except StoreError as error:
        return Finding(str(error).removeprefix(f"{run.folder / FILE}: ").removesuffix(f"; {RECOVERY}"), "bad")
    return Finding(f"{board.told} steps told, {board.candidates} candidates, {ended or 'can go on'}")


RUN_CHECKS: dict[str, Callable[[Patient], Finding]] = {
    "folder": _folder,
    "file system": _file_system,
    "lock": _lock,
    "database": _database,
    "facts": _facts,
    "cells": _rows("cells"),
    "steps": _steps,
    "trials": _rows("trials"),
    "claims": _rows("claims"),
    "leaderboard": _leaderboard,
}
"""What is looked at -> who looks."""


def damaged(findings: Sequence[Finding]) -> bool:
    """Whether a run is damaged, by what was found in it."""
    return any(finding.state == "bad" for finding in findings)
