"""What the name of a task says: its family and difficulty, or where a user's own is found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

FILES = ("ptb",)
"""Families whose data are files."""
OPTIONS = re.compile(r"(.+)\?([^?=]+=[^?]*)", re.DOTALL)
"""A file, and what is said of its columns: a question mark without a = after it belongs to the file's name."""


Kind = Literal["family", "text", "series", "labels", "code"]
KINDS: dict[str, Kind] = {"text": "text", "series": "series", "labels": "labels"}
"""What stands before the file of a user's data."""


@dataclass(frozen=True, slots=True)
class TaskName:
    """The name of a task, `xml:small`, `text:FILE`, `series:FILE`, `labels:FILE` or `FILE.py:NAME`, taken apart.

    Attributes:
        kind: `family`: a row of TASKS; `text`: a text file; `series`: a table of numbers; `labels`: sequences with
            a label each; `code`: Python that a user has written.
        family: The row, `text`, `series`, `labels`, or the Python file.
        rest: The difficulty, the file, or the name in the Python file; empty where the name does not say it.
        options: What follows a file, `series:FILE?target=load&horizon=24` or `text:FILE?level=word`, as it was written.
    """

    kind: Kind
    family: str
    rest: str
    options: str = ""

    @classmethod
    def parse(cls, name: str) -> TaskName:
        """Return what a name says, whether or not there is such a task."""
        family, _, rest = name.partition(":")
        if (kind := KINDS.get(family)) and rest:
            found = OPTIONS.fullmatch(rest)
            return cls(kind, family, found[1], found[2]) if found else cls(kind, family, rest)
        if name.endswith(".py"):
            return cls("code", name, "")
        file, _, attribute = name.rpartition(":")
        return cls("code", file, attribute) if file.endswith(".py") else cls("family", family, rest)

    @property
    def is_own(self) -> bool:
        """Whether the task is a user's: on a file, or code."""
        return self.kind != "family"

    @property
    def is_file(self) -> bool:
        """Whether the data are a file's, and so the same under every seed."""
        return self.kind in KINDS or self.family in FILES

    @property
    def is_code(self) -> bool:
        """Whether a user's code decides what the task is."""
        return self.kind == "code"

    @property
    def file(self) -> str:
        """The user's file as the name says it; empty for a row of TASKS."""
        return self.family if self.is_code else self.rest if self.is_own else ""

    def at(self, path: str) -> str:
        """Return the name of the same task in a file elsewhere."""
        if self.is_code:
            return f"{path}:{self.rest}"
        return f"{self.kind}:{path}" + (f"?{self.options}" if self.options else "")

    def is_moved(self, other: TaskName) -> bool:
        """Whether another name is that of the same task in a file of the same name elsewhere."""
        same_file = PurePath(self.file).name == PurePath(other.file).name
        return (
            self.is_own
            and self.kind == other.kind
            and same_file
            and self.options == other.options
            and (not self.is_code or self.rest == other.rest)
        )
