"""One reader per export format, which knows the format and not how archsearch writes it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from xml.etree import ElementTree

from archsearch.cell import Cell
from archsearch.exporters import EXPORTERS, from_json
from archsearch.exporters.c import c_name
from archsearch.exporters.checking import check_all
from archsearch.exporters.drawing.picture import picture
from archsearch.exporters.latex import symbol
from archsearch.exporters.tidy import tidy

DOT_STRING = r'"(?:[^"\\]|\\.)*"'
DOT_ID = rf"(?:{DOT_STRING}|\w+)"
DOT_ATTRIBUTES = rf"\[{DOT_ID}={DOT_ID}(?:, {DOT_ID}={DOT_ID})*\]"
DOT_EDGE = rf"{DOT_ID} -> {DOT_ID}"
DOT_STATEMENT = re.compile(
    rf"(?P<tie>{DOT_EDGE} {DOT_ATTRIBUTES})|(?P<edge>{DOT_EDGE})|(?P<node>{DOT_ID} {DOT_ATTRIBUTES})"
    rf"|\{{ {DOT_ID}={DOT_ID}(?:; {DOT_ID})+"
)


def read_cell(cell: Cell, text: str) -> None:
    """Parse the text again: it is the same cell."""
    assert Cell.parse(text).id == cell.id


def read_json(cell: Cell, text: str) -> None:
    """Read the document again: it is the same cell."""
    assert from_json(text).id == cell.id


def read_dot(cell: Cell, text: str) -> None:
    """Parse the statements, with Graphviz too where it is installed: every node, edge and next value is there."""
    shown = tidy(cell).cell
    body = re.fullmatch(rf"(?://[^\n]*\n)*digraph {DOT_ID} \{{\n(.*)\}}\n", text, re.DOTALL)
    assert body, text
    statements = [
        DOT_STATEMENT.fullmatch(line.strip().removesuffix(" }").rstrip(";")) for line in body[1].splitlines()
    ]
    assert all(statements), text
    edges = [match["edge"] for match in statements if match and match["edge"]]
    nodes = [match["node"] for match in statements if match and match["node"]]
    made = [node for node in nodes if not node.startswith(("graph ", "node "))]
    assert len(made) == len(shown.nodes) + len(shown.next)
    assert len(edges) == sum(len(node.inputs) for node in shown.nodes) + len(shown.next)
    ties = [match["tie"] for match in statements if match and match["tie"]]
    assert len(ties) == sum(node.owner != node.handle for node in shown.nodes)
    if program := shutil.which("dot"):
        subprocess.run([program, "-Tplain"], input=text, text=True, check=True, capture_output=True)


def read_svg(cell: Cell, text: str) -> None:
    """Parse the XML: it has a shape for every glyph of the picture, and a name and a text for who cannot see it."""
    root = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    glyphs = picture(tidy(cell))
    drawn = [group for group in root.iter(f"{space}g") if group.get("data-nodes") is not None]
    assert root.tag == f"{space}svg" and len(drawn) == len(glyphs)
    assert all(root.find(f"{space}{name}") is not None for name in ("title", "desc"))


def read_latex(cell: Cell, text: str) -> None:
    """Balance the brackets and environments, and find an equation for every line and every name."""
    shown = tidy(cell)
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    plain = re.sub(r"\\[{}]", "", body)
    depths = [plain[:end].count("{") - plain[:end].count("}") for end in range(len(plain) + 1)]
    assert min(depths) == 0 == depths[-1]
    assert body.startswith(r"\begin{align*}") and body.rstrip().endswith(r"\end{align*}")
    assert body.count("&=") == len(body.strip().splitlines()) - 2 >= len(list(shown.lines))
    for name in {*shown.cell.states, *(name.rstrip("'") for name in shown.targets.values())}:
        assert symbol(name).rstrip("}") in body or f"\\mathrm{{{name}}}".replace("_", "\\_") in body


def read_c(cell: Cell, text: str) -> None:
    """Balance the brackets and find a member for every state; tests of C compile and run it."""
    code = text.partition("*/")[2]
    assert code.count("{") == code.count("}") and code.count("(") == code.count(")")
    members = re.search(r"typedef struct \{([^{}]*)\} " + f"{c_name(cell)}_state;", code)
    assert members and members[1].count(";") == len(tidy(cell).cell.states)
    assert "<" not in code.replace("< ", "").replace("<math.h>", "")


READERS: dict[str, Callable[[Cell, str], None]] = {
    "cell": read_cell,
    "json": read_json,
    "dot": read_dot,
    "svg": read_svg,
    "latex": read_latex,
    "c": read_c,
}
"""Format -> what reads a text and fails where it is not the cell."""


def read_all(format: str, cells: Iterable[Cell]) -> None:
    """Export cells, read them again, and fail where one is lost.

    Python is run in one process for all of them, and compared with the cells, in float64 too.
    """
    pairs = [(cell, EXPORTERS[format].render(cell, None)) for cell in cells]
    if format == "python":
        check_all(pairs)
        return
    for cell, text in pairs:
        READERS[format](cell, text)
