"""A page that shows a text coloured by what units say after each symbol: one file of HTML that loads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

import numpy as np

from archsearch.studies.characters.text import Bytes
from archsearch.tasks.task import Numbers
from archsearch.words import plain

LEVELS = 10
"""Shades on either side of white."""

STYLE = """body { font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
body { color: #111; background: #fff; }
pre { font: 14px/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
"""


def page(title: str, notes: Sequence[str], content: Bytes, units: Sequence[tuple[str, Numbers]]) -> str:
    """Return the page.

    Args:
        title: Its heading.
        notes: Lines below it.
        content: The bytes of the text, shape (length,).
        units: What each unit is called, and what it says after each byte, in -1..1, shape (length,).
    """
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{_escaped(title)}</title>',
        f"<style>{STYLE}{_shades()}</style></head><body>",
        f"<h1>{_escaped(title)}</h1>",
        *(f"<p>{_escaped(line)}</p>" for line in notes),
        "<p>Blue is -1, white 0, red 1; a line end shows as ¶.</p>",
    ]
    for name, values in units:
        lines += [f"<h2>{_escaped(name)}</h2>", f"<pre>{coloured(content, values)}</pre>"]
    return "\n".join([*lines, "</body></html>", ""])


def coloured(content: Bytes, values: Numbers) -> str:
    """Return a text as HTML, symbols with one shade in one span.

    Args:
        content: Its bytes, shape (length,).
        values: In -1..1, after each byte, shape (length,).
    """
    shown = []
    place = 0
    for letter in content.tobytes().decode("utf-8", "surrogateescape"):
        place += len(letter.encode("utf-8", "surrogateescape"))
        shown.append((shade_of(values[place - 1]), letter))
    spans = []
    for shade, letters in groupby(shown, key=lambda pair: pair[0]):
        text = escape("".join(_shown(letter) for _, letter in letters))
        spans.append(f'<span class="{_class(shade)}">{text}</span>')
    return "".join(spans)


def shade_of(value: float) -> int:
    """Return the shade of an activation: from -10, blue, over 0, white, to 10, red."""
    return int(np.clip(round(float(value) * LEVELS), -LEVELS, LEVELS))


def colour(shade: int) -> str:
    """Return a shade as #rrggbb."""
    fading = round(255 * (1 - 0.75 * abs(shade) / LEVELS))
    return f"#ff{fading:02x}{fading:02x}" if shade > 0 else f"#{fading:02x}{fading:02x}ff"


def _shown(letter: str) -> str:
    if letter == "\n":
        return "¶\n"
    if letter == "\r":
        return ""
    return letter if letter.isprintable() or letter == "\t" else "·"


def _class(shade: int) -> str:
    return f"n{-shade}" if shade < 0 else f"p{shade}"


def _shades() -> str:
    return "".join(f".{_class(shade)}{{background:{colour(shade)}}}" for shade in range(-LEVELS, LEVELS + 1))


def _escaped(text: str) -> str:
    return escape(plain(text))
