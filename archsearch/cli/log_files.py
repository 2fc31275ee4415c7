"""Logs of a search as files that are appended to, and that go on where they ended."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from archsearch.actions.listener import RunInfo
from archsearch.cli.logged import Row, row_fields
from archsearch.errors import InputError
from archsearch.protocol.plan import RunPlan


@dataclass(frozen=True)
class LogFile:
    """A file with a line for each step.

    Attributes:
        path: The file.
        head: Returns its first line; empty for none.
        begins: How its first line begins, whatever the run.
        line: Returns a row as a line.
        number: Returns the step of a line; any error means that it is none.
    """

    path: Path
    head: Callable[[RunPlan], str]
    begins: str
    line: Callable[[Row], str]
    number: Callable[[str], int]

    def check(self, plan: RunPlan, told: int) -> None:
        """Refuse a file that is no such log, or another run's; it stays as it is.

        Args:
            plan: The run's plan.
            told: Steps that the run has told.

        Raises:
            InputError: Says which of the two.
        """
        self._following(*self._read(), plan, told)

    def begin(self, info: RunInfo) -> str:
        """Go on after the last whole line; what a kill has cut short behind it goes. Raises as `check` does."""
        whole, cut = self._read()
        following = self._following(whole, cut, info.plan, info.told)
        if cut:
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
        if not whole:
            self._append(self.head(info.plan))
        if following == info.told:
            return ""
        return (
            f"steps {following} to {info.told - 1} ended without it; 'archsearch runs export' has their cells"
        )

    def write(self, row: Row) -> None:
        """Append a line."""
        self._append(self.line(row))

    def _append(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(text)

    def _read(self) -> tuple[bytes, bytes]:
        """Return the whole lines of the file, and what follows them."""
        content = self.path.read_bytes() if self.path.exists() else b""
        end = content.rfind(b"\n") + 1
        return content[:end], content[end:]

    def _following(self, whole: bytes, cut: bytes, plan: RunPlan, told: int) -> int:
        """Return the number of the step after the last one in a file; refuse a file that is no log of this run.

        Args:
            whole: Its whole lines.
            cut: What follows them.
            plan: The run's plan.
            told: Steps that the run has told.
        """
        head = self.head(plan)
        lines = [f"{line}\n" for line in whole.decode("utf-8", "replace").split("\n")[:-1]]
        start = (whole or cut)[: len(self.begins)].decode("utf-8", "replace")
        foreign = InputError(f"--log {self.path}: that file is another log, or none; name another file")
        if not self.begins.startswith(start) or (head and lines and lines[0] != head):
            raise foreign
        rows = lines[bool(head) :]
        try:
            following = self.number(rows[-1]) + 1 if rows else 0
        except (ValueError, KeyError, TypeError, msgspec.MsgspecError):
            raise foreign from None
        if following > told:
            raise InputError(
                f"--log {self.path}: it goes on to step {following - 1}, this run is at {told}: it is another run's; "
                "name another file"
            )
        return following


def json_log(path: Path) -> LogFile:
    """Return a log of JSON objects, one a line."""
    return LogFile(
        path,
        head=lambda plan: "",
        begins='{"step":',
        line=lambda row: msgspec.json.encode(row).decode() + "\n",
        number=lambda line: int(msgspec.json.decode(line)["step"]),
    )


def csv_log(path: Path) -> LogFile:
    """Return a log of comma-separated values, whose first line names the fields."""
    return LogFile(
        path,
        head=lambda plan: _in_csv(row_fields(plan)),
        begins="step,",
        line=lambda row: _in_csv(["" if value is None else value for value in row.values()]),
        number=lambda line: int(line.partition(",")[0]),
    )


def _in_csv(values: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
