"""Reads what a stranger wrote as plain values; nothing of it is executed.

Published genotypes are Python or JSON literals: words, whole numbers, lists, dicts, `range`, and one call by keyword. Their
syntax tree is taken apart, and whatever else stands in it is refused.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import TypeAlias

from archsearch.cell.language import MAX_BYTES, MAX_NODES
from archsearch.cell.syntax import MAX_NESTING
from archsearch.errors import CellError

Value: TypeAlias = "str | int | tuple[Value, ...] | dict[str, Value]"

FOREIGN = re.compile(r"[^\w\s'\"()\[\]{},:=]", re.ASCII)
"""No character of such a literal: no sign, dot or backslash."""


def read_literal(text: str, source: str) -> Value:
    """Return the value of a literal.

    Args:
        text: Such as `{"h_new_0": {"input": ["x"], "op": "linear"}}`.
        source: What errors call it.

    Raises:
        CellError: It is none.
    """
    return _value(_tree(text, source), source)


def read_call(text: str, function: str, source: str) -> Mapping[str, Value]:
    """Return the arguments of a call by keyword such as `Genotype(recurrent=[('relu', 0)], concat=range(1, 2))`.

    Args:
        text: The call.
        function: The name of what is called.
        source: What errors call the text.

    Raises:
        CellError: It is no such call, or an argument is no literal.
    """
    tree = _tree(text, source)
    if not (isinstance(tree, ast.Call) and _name(tree.func) == function and not tree.args):
        raise CellError(f"{source}: no {function}(…) with its arguments by keyword")
    given: dict[str, Value] = {}
    for keyword in tree.keywords:
        if keyword.arg is None:
            raise CellError(f"{source}: ** is no literal")
        given[keyword.arg] = _value(keyword.value, source)
    return given


def _tree(text: str, source: str) -> ast.expr:
    """Return the syntax tree of a text that is short and flat enough to be parsed safely."""
    if len(text) > MAX_BYTES:
        raise CellError(f"{source}: more than {MAX_BYTES:,} characters; what can be imported is a short text")
    if foreign := FOREIGN.search(text):
        raise CellError(
            f"{source}: {foreign[0]!r} at character {foreign.start() + 1} belongs to no literal of words, "
            "whole numbers, lists and dicts"
        )
    depth = 0
    for bracket in re.findall(r"[()\[\]{}]", text):
        depth += 1 if bracket in "([{" else -1
        if depth > MAX_NESTING:
            raise CellError(f"{source}: brackets nested deeper than {MAX_NESTING}")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        raise CellError(f"{source}: no literal of Python or JSON{place}") from None


def _name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else None


def _value(node: ast.expr, source: str) -> Value:
    """Return the value of a tree, whose depth is bounded by that of its brackets."""
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str | int)
        and not isinstance(node.value, bool)
    ):
        return node.value
    if isinstance(node, ast.List | ast.Tuple):
        return tuple(_value(element, source) for element in node.elts)
    if isinstance(node, ast.Dict):
        return _dict(node, source)
    if isinstance(node, ast.Call) and _name(node.func) == "range" and not node.keywords:
        return _range([_value(argument, source) for argument in node.args], source)
    raise CellError(
        f"{source}: {_shown(node)} in line {node.lineno} is no word, whole number, list, dict or range"
    )


def _dict(node: ast.Dict, source: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        name = _value(key, source) if key is not None else None
        if not isinstance(name, str):
            raise CellError(f"{source}: a key of a dict in line {node.lineno} is no word in quotes")
        if name in found:
            raise CellError(f"{source}: {name[:40]!r} is given twice")
        found[name] = _value(value, source)
    return found


def _range(bounds: list[Value], source: str) -> tuple[int, ...]:
    numbers = [bound for bound in bounds if isinstance(bound, int)]
    if len(numbers) != len(bounds) or not 1 <= len(numbers) <= 3 or 0 in numbers[2:]:
        raise CellError(f"{source}: range takes one to three whole numbers, the last of three not 0")
    found = range(*numbers)
    if found[MAX_NODES:]:
        raise CellError(f"{source}: a range of more than {MAX_NODES} numbers")
    return tuple(found)


def _shown(node: ast.expr) -> str:
    """Return the beginning of what stands in a text, for a message."""
    try:
        shown = ast.unparse(node)
    except RecursionError:  # words such as `not` nest without brackets
        return "what is nested there"
    return repr(shown if len(shown) <= 40 else f"{shown[:40]}…")
