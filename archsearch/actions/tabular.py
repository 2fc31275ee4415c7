"""Rows for people who work in Python: plain dicts, a table in a notebook, a data frame where pandas is there."""

from __future__ import annotations

import html
import importlib
from typing import Any

from archsearch.errors import ArchsearchError
from archsearch.words import flattened, plain


class Records(list[dict[str, Any]]):
    """A list of rows, each a plain dict; what is nested in them becomes columns such as `tasks.xml.ratio`."""

    def to_pandas(self) -> Any:
        """Return a data frame with a line per row.

        Raises:
            ArchsearchError: pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError:
            raise ArchsearchError(
                "pandas is not installed: `pip install pandas`, or use the rows as they are, a list of dicts"
            ) from None
        return pandas.DataFrame([flattened(row) for row in self])

    def _repr_html_(self) -> str:
        """Return the rows as an HTML table; whatever they hold is shown as text."""
        rows = [flattened(row) for row in self]
        columns = list(dict.fromkeys(key for row in rows for key in row))
        head = _line("th", columns)
        body = "".join(_line("td", [_shown(row.get(column)) for column in columns]) for row in rows)
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _line(tag: str, texts: list[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(plain(text))}</{tag}>" for text in texts) + "</tr>"


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
