"""Tables as CSV and as LaTeX."""

from __future__ import annotations

import csv
import io

from archsearch.reports.content import ShownTable, Value, value_text
from archsearch.words import plain

FORMULA = ("=", "+", "-", "@")
"""How a text begins that a spreadsheet would run."""

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "²": r"\textsuperscript{2}",
    "×": r"$\times$",
    "±": r"$\pm$",
    "–": "--",
    "…": r"\ldots{}",
    **{character: f"\\{character}" for character in "{}$&#_%"},
}


def to_csv(table: ShownTable) -> str:
    """Return a table as CSV with all digits; a text that a spreadsheet would take for a formula follows an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([list(map(_field, row)) for row in (table.columns, *table.rows)])
    return text.getvalue()


def _field(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    text = plain(value)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def to_latex_table(table: ShownTable) -> str:
    """Return a table as a LaTeX `tabular` with the rules of booktabs; texts to the left, numbers to the right."""
    kinds = "".join(
        "l" if any(isinstance(row[place], str) for row in table.rows) else "r"
        for place in range(len(table.columns))
    )
    lines = [" & ".join(map(in_latex, row)) + r" \\" for row in (table.columns, *table.rows)]
    body = [rf"\begin{{tabular}}{{{kinds}}}", r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"]
    return "\n".join(["% needs \\usepackage{booktabs}", *body, r"\end{tabular}", ""])


def in_latex(value: Value) -> str:
    """Return a value as LaTeX that prints it as it is."""
    text = plain(value_text(value))
    return "".join(SPECIAL.get(character, character) for character in text)
