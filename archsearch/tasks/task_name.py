"""What the name of a task says: its family and difficulty, or where a user's own is found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

FILES = ("ptb",)
"""Families whose data are files."""


@dataclass(frozen=True, slots=True)
class TaskName:
    """The name of a task, `xml:small`, `text:FILE`, `series:FILE` or `FILE.py:NAME`, taken apart.

    Attributes:
        kind: `family`: a row of TASKS; `text`: a text file; `series`: a table of numbers; `code`: Python that a user has
            written.
        family: The row, `text`, `series`, or the Python file.
        rest: The difficulty, the file, or the name in the Python file; empty where the name does not say it.
    """

    kind: Literal["family", "text", "series", "code"]
    family: str
    rest: str

    @classmethod
    def parse(cls, name: str) -> TaskName:
        """Return what a name says, whether or not there is such a task."""
        family, _, rest = name.partition(":")
        if family == "text" and rest:
            return cls("text", family, rest)
        if family == "series" and rest:
            return cls("series", family, rest)
        if name.endswith(".py"):
            return cls("code", name, "")
        file, _, attribute = name.rpartition(":")
        return cls("code", file, attribute) if file.endswith(".py") else cls("family", family, rest)

    @property
    def is_own(self) -> bool:
        """Whether the task is a user's: a text, a series or code."""
        return self.kind != "family"

    @property
    def is_file(self) -> bool:
        """Whether the data are a file's, and so the same under every seed."""
        return self.kind in ("text", "series") or self.family in FILES

    @property
    def is_code(self) -> bool:
        """Whether a user's code decides what the task is."""
        return self.kind == "code"

    @property
    def file(self) -> str:
        """The user's file as the name says it; empty for a row of TASKS."""
        return {"text": self.rest, "series": self.rest, "code": self.family}.get(self.kind, "")

    def at(self, path: str) -> str:
        """Return the name of the same task in a file elsewhere."""
        return f"{path}:{self.rest}" if self.is_code else f"{self.kind}:{path}"

    def is_moved(self, other: TaskName) -> bool:
        """Whether another name is that of the same task in a file of the same name elsewhere."""
        same_file = PurePath(self.file).name == PurePath(other.file).name
        return (
            self.is_own
            and self.kind == other.kind
            and same_file
            and (not self.is_code or self.rest == other.rest)
        )
