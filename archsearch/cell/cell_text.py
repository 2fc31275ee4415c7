"""The text of a cell as it was given, and what is said where something in it is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lark import Token, Tree

from archsearch.errors import CellError

MAX_MESSAGE = 1000
"""Characters of what is said of a text; the place and the way out stand at its ends."""

MAX_LISTED = 12
"""Names in a message."""

MAX_QUOTED = 40
"""Characters of a text in a message."""


class CellText:
    """A text and where it came from, to say where something is wrong.

    Attributes:
        text: The text.
        name: What errors call it.
    """

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name

    def error(self, where: Any, message: str) -> CellError:
        """Return an error at a token or tree, or at a (line, column) pair."""
        if isinstance(where, Tree):
            where = (where.meta.line, where.meta.column) if not where.meta.empty else (1, 1)
        elif isinstance(where, Token):
            where = (where.line, where.column)
        whole = f"{self.name}:{where[0]}:{where[1]}: {message}"
        half = MAX_MESSAGE // 2
        return CellError(whole if len(whole) <= MAX_MESSAGE else f"{whole[: half - 1]} … {whole[2 - half :]}")

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column, from 1, of a character."""
        before = self.text[:offset]
        return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def quoted(text: str) -> str:
    """Return a text in quotes, its beginning if it is long."""
    return repr(str(text)) if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]!r}…"


def first_names(names: Iterable[str]) -> str:
    """Return names for a message, the first of them if there are many."""
    every = list(names)
    more = f", … {len(every) - MAX_LISTED} more" if len(every) > MAX_LISTED else ""
    return ", ".join(every[:MAX_LISTED]) + more
