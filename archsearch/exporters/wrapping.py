"""Breaks long assignments of exported Python over several lines."""

from __future__ import annotations

import ast
from collections.abc import Iterable

WIDTH = 100


def wrapped(assignment: str) -> str:
    """Return `name = expression` with a long expression in brackets, one operand or argument per line."""
    if len(assignment) <= WIDTH:
        return assignment
    target, _, expression = assignment.partition(" = ")
    tree = ast.parse(expression, mode="eval").body
    if isinstance(tree, ast.BinOp):
        return "\n".join([f"{target} = (", *_indented(_lines(tree)), ")"])
    first, *rest = _lines(tree)
    return "\n".join([f"{target} = {first}", *rest])


def _lines(tree: ast.expr) -> list[str]:
    """Return an expression over as few lines as fit."""
    line = ast.unparse(tree)
    if len(line) <= WIDTH - 12:
        return [line]
    if isinstance(tree, ast.BinOp):
        return _sum(tree)
    if isinstance(tree, ast.Call) and not tree.keywords:
        arguments = [_lines(argument) for argument in tree.args]
        for lines in arguments[:-1]:
            lines[-1] += ","
        return [f"{ast.unparse(tree.func)}(", *_indented(line for lines in arguments for line in lines), ")"]
    return [line]


def _sum(tree: ast.BinOp) -> list[str]:
    """Return the operands of a chain like `a + b - c` one per line, each led by its operator."""
    kinds = (ast.Add, ast.Sub) if isinstance(tree.op, (ast.Add, ast.Sub)) else (ast.Mult, ast.Div)
    lines: list[str] = []
    current: ast.expr = tree
    while isinstance(current, ast.BinOp) and isinstance(current.op, kinds):
        symbol = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}[type(current.op)]
        lines[:0] = _led(f"{symbol} ", current.right)
        current = current.left
    return _led("", current) + lines


def _led(symbol: str, operand: ast.expr) -> list[str]:
    lines = _lines(operand)
    if isinstance(operand, ast.BinOp):
        lines = [f"({lines[0]})"] if len(lines) == 1 else ["(", *_indented(lines), ")"]
    return [symbol + lines[0], *lines[1:]]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]
