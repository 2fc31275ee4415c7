"""What a task's name says after its file, `text:FILE?level=word`: options, each `name=value`, with an & between two."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote_plus

from archsearch.errors import TaskError
from archsearch.words import did_you_mean


def said_of(kind: str, text: str, about: Mapping[str, str]) -> dict[str, str]:
    """Return the value of each option that is said, as it is written.

    Args:
        kind: What the task is called in an error.
        text: What follows the question mark; empty for nothing.
        about: The options that there are, and what each takes.

    Raises:
        TaskError: An option is unknown, says nothing, or is given twice.
    """
    said: dict[str, str] = {}
    for part in filter(None, text.split("&")):
        name, _, value = part.partition("=")
        if name not in about:
            hint = did_you_mean(name, about, " ({})")
            raise TaskError(f"a {kind} task has no option {name!r}{hint}; there are {', '.join(about)}")
        if name in said:
            raise TaskError(f"{name}= of a {kind} task is given twice; it takes {about[name]}")
        if not value:
            raise TaskError(f"{name}= of a {kind} task says nothing; it takes {about[name]}")
        said[name] = value
    return said


def decoded(text: str) -> str:
    """Return a value with `%2C` and the like replaced by the marks that they stand for."""
    return unquote_plus(text, errors="replace")
