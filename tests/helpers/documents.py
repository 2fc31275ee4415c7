"""The documents of the repository, cut into what tests hold: blocks of code, headings, links and sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.helpers.sources import ROOT

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Document:
    """A markdown file.

    Attributes:
        path: Where it is, from the root of the repository.
        text: What is in it.
    """

    path: str
    text: str = field(repr=False)

    @cached_property
    def blocks(self) -> list[tuple[str, str]]:
        """Return the fenced blocks: language and text."""
        return FENCED.findall(self.text)

    @cached_property
    def prose(self) -> str:
        """Return the text without its fenced blocks."""
        return FENCED.sub("", self.text)

    @cached_property
    def anchors(self) -> set[str]:
        """Return what `#name` may lead to: the headings as GitHub writes them."""
        titles = re.findall(r"^#+ (.*)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}

    @cached_property
    def links(self) -> list[str]:
        """Return the targets of its links and pictures."""
        return LINK.findall(self.prose)

    def section(self, title: str, level: int) -> str | None:
        """Return what stands under a heading, None if there is no such heading."""
        marks = "#" * level
        found = re.search(
            rf"^{marks} {re.escape(title)}$(.*?)(?=^#{{1,{level}}} |\Z)",
            self.text,
            re.MULTILINE | re.DOTALL,
        )
        return found[1] if found else None


def document(path: str) -> Document:
    """Return the document at a path from the root."""
    return Document(path, (ROOT / path).read_text(encoding="utf-8"))


def documents() -> dict[str, Document]:
    """Return every document by its path: those at the root, in docs/ and in runs/."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "runs" / "README.md"]
    names = sorted(path.relative_to(ROOT).as_posix() for path in paths)
    return {name: document(name) for name in names}


def target(source: str, link: str) -> tuple[Path, str]:
    """Return the file that a relative link leads to, and the anchor in it.

    Args:
        source: Path of the document that has the link, from the root.
        link: The link's target.
    """
    name, _, anchor = link.partition("#")
    here = ROOT / source
    return ((here.parent / name).resolve() if name else here), anchor
