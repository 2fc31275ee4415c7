"""Templates of pages: every text of a run is shown as text, whatever it holds."""

from __future__ import annotations

from pathlib import Path

import jinja2

from archsearch.reports.content import value_text
from archsearch.words import plain

HERE = Path(__file__).parent


def environment() -> jinja2.Environment:
    """Return what makes pages of the templates beside this file; a name that a template does not have is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_harmless,
    )
    made.filters["value"] = value_text
    made.policies["json.dumps_kwargs"] = {
        "sort_keys": False,
        "allow_nan": False,
        "separators": (",", ":"),
    }
    return made


def _harmless(value: object) -> object:
    """Return what a template is about to show, without control characters; what is markup is ours."""
    return plain(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
