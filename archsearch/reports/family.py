"""The family of the best cells: who is whose child, and each edit as a difference of equations."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from archsearch.actions.board_words import PROPOSED, cell_name
from archsearch.cell import Cell
from archsearch.protocol.records import Step
from archsearch.reports.material import RunMaterial

DEEPEST = 12
"""Generations that are set in further than those before them; there is no room for more."""


PRIME = "'"
"""After a state, for its next value."""


@dataclass(frozen=True)
class Member:
    """A cell of the family.

    Attributes:
        depth: Generations after its start cell, at most `DEEPEST`.
        name: What people call it.
        rank: Its place on the leaderboard, if it is among the first.
        made: The operators that made it, where, or that it was proposed; empty for a start cell.
        step: The step that brought it.
        edits: Lines of equations: those that went begin with "-", those that came with "+", those that stayed with a space.
    """

    depth: int
    name: str
    rank: int | None
    made: tuple[str, ...]
    step: int
    edits: tuple[str, ...]


def family(material: RunMaterial) -> list[Member]:
    """Return the cells of the first ranks and their ancestors, each followed by its children, the oldest first."""
    births: dict[str, Step] = {}
    for step, _ in material.steps:
        if step.kind != "placebo" and step.cell in material.cells:
            births.setdefault(step.cell, step)
    children: dict[str, list[str]] = {}
    for cell, step in births.items():
        parent = step.parent if step.parent in births and births[step.parent].number < step.number else ""
        children.setdefault(parent, []).append(cell)
    ranks = {row.id: row.rank for row in material.ranked}
    return [_member(material, births, ranks, cell, depth) for cell, depth in _walk(children)]


def _walk(children: dict[str, list[str]]) -> Iterator[tuple[str, int]]:
    """Yield every cell after its parent, with its generation."""
    waiting = [(cell, 0) for cell in reversed(children.get("", []))]
    while waiting:
        cell, depth = waiting.pop()
        yield cell, depth
        waiting += [(child, depth + 1) for child in reversed(children.get(cell, []))]


def _member(
    material: RunMaterial, births: dict[str, Step], ranks: dict[str, int | None], cell: str, depth: int
) -> Member:
    """Return one cell of the family.

    Args:
        material: The run.
        births: The step that brought each cell.
        ranks: Of the first rows.
        cell: Its id.
        depth: Its generation.
    """
    step = births[cell]
    parent = material.cells.get(step.parent)
    return Member(
        depth=min(depth, DEEPEST),
        name=cell_name(cell),
        rank=ranks.get(cell),
        made=(PROPOSED[step.proposer],) if step.proposer else tuple(map(str, step.applied)),
        step=step.number,
        edits=edits(parent, material.cells[cell]) if parent is not None and step.applied else (),
    )


def edits(parent: Cell, child: Cell) -> tuple[str, ...]:
    """Return the equations of a child beside its parent's, line by line, as a difference; the order of operands is none."""
    before, after = equations(parent).splitlines(), equations(child).splitlines()
    matcher = SequenceMatcher(
        None, list(map(_regardless, before)), list(map(_regardless, after)), autojunk=False
    )
    lines: list[str] = []
    for kind, *ends in matcher.get_opcodes():
        begin, end, first, last = ends
        if kind == "equal":
            lines += [f"  {line}" for line in after[first:last]]
        else:
            lines += [f"- {line}" for line in before[begin:end]] + [f"+ {line}" for line in after[first:last]]
    return tuple(lines)


def _regardless(equation: str) -> str:
    """Return an equation in a form that the order of the operands of + and * does not change."""
    name, _, value = equation.partition(" = ")
    try:
        return f"{name} = {_sorted(ast.parse(value.replace(PRIME, '_next'), mode='eval').body)}"
    except (SyntaxError, ValueError, RecursionError):  # a name that is a word of Python's, such as `is`
        return equation


def _sorted(tree: ast.expr) -> str:
    if isinstance(tree, ast.BinOp):
        operands = [_sorted(tree.left), _sorted(tree.right)]
        if isinstance(tree.op, ast.Add | ast.Mult):
            operands.sort()
        return f"{type(tree.op).__name__}({', '.join(operands)})"
    if isinstance(tree, ast.Call):
        given = [*map(_sorted, tree.args), *(f"{one.arg}={ast.unparse(one.value)}" for one in tree.keywords)]
        return f"{ast.unparse(tree.func)}({', '.join(given)})"
    return ast.unparse(tree)


def equations(cell: Cell) -> str:
    """Return the equations of a cell alone: its text without its note, its first line, and the indent."""
    lines = cell.text().splitlines()
    head = next(place for place, line in enumerate(lines) if line.startswith("cell "))
    return "\n".join(line.strip() for line in lines[head + 1 :])
