"""Reads cell texts: `syntax` gives the form, this file names, arities and limits of a cell.

A sign before a number is part of the number; before anything else it subtracts from 0: `-h` is `0 - h`. So a text has one
graph, and the graph's own text has the same one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from lark import Token, Tree

from archsearch.cell import hints, printing
from archsearch.cell.cell_text import CellText, first_names, quoted
from archsearch.cell.graph import Graph
from archsearch.cell.identity import live_states
from archsearch.cell.node import Node
from archsearch.cell.ops import CALLS, INFIX, MAX_HEADS, OPS, UGI, UGI_NAME, Value, canonical_arguments
from archsearch.cell.references import Reference, resolved
from archsearch.cell.sharing import OF_THE_MATRIX
from archsearch.cell.syntax import syntax_tree
from archsearch.words import did_you_mean

MAX_BYTES = printing.MAX_BYTES
MAX_NODES = 512
MAX_STATES = 8
MAX_NAME = 32

MARK = "\ufeff"
"""The byte-order mark that editors put before a text."""


def parse(text: str, name: str = "<text>") -> Graph:
    """Return the graph that a cell's text describes.

    Args:
        text: One cell in the cell language.
        name: What errors call the text, usually a file name.

    Raises:
        CellError: `name:line:column`, what is wrong and what is allowed.
    """
    text = text.removeprefix(MARK).replace("\r\n", "\n")
    source = CellText(text, name)
    tree = syntax_tree(source)
    header, *statements = (child for child in tree.children if isinstance(child, Tree))
    builder = _Builder(source, header, [str(statement.children[0]) for statement in statements])
    for target, expression in (statement.children for statement in statements):
        assert isinstance(target, Token) and isinstance(expression, Tree)
        builder.assign(target, expression)
    graph = builder.graph(_note(text))
    _check_printed(source, graph)
    return graph


def _check_printed(source: CellText, graph: Graph) -> None:
    """Refuse a cell whose own text would be too large to be read again; a short one's never is."""
    if len(source.text) > MAX_BYTES // 4:
        size = len(printing.text(graph).encode(errors="surrogatepass"))
        if size > MAX_BYTES:
            message = (
                f"written out the cell has {size:,} bytes; it has at most {MAX_BYTES:,}, so shorten its note"
            )
            raise source.error((1, 1), message)


def _note(text: str) -> tuple[str, ...]:
    """Return the comment lines before the cell."""
    note: list[str] = []
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped.startswith("#"):
            note.append(stripped[1:].removeprefix(" ").rstrip())
        elif stripped:
            break
    return tuple(note)


class _Builder:
    """Makes nodes out of statements, in the order in which the text computes them.

    Attributes:
        source: The text.
        header: Its first line.
        targets: What the lines assign, in their order.
        target: What the present line assigns.
        title: The cell's name.
        nodes: The nodes so far.
        names: Handles of what has a name so far, next values by `h'`.
        numbers: Handles of nameless numbers, by how they read.
        references: By the handle of a linear the one whose matrix it shares.
        room: How many nodes there may be.
        states: Names of the states.
    """

    def __init__(self, source: CellText, header: Tree[Token], targets: Sequence[str]) -> None:
        self.source, self.targets, self.target = source, targets, ""
        title, *parameters = header.children
        assert isinstance(title, Token)
        self.title = self._checked_name(title)
        self.nodes: list[Node] = []
        self.names: dict[str, int] = {}
        self.numbers: dict[str, int] = {}
        self.references: dict[int, Reference] = {}
        self.room = len(parameters) + MAX_NODES
        for position, token in enumerate(parameters):
            assert isinstance(token, Token)
            name = self._checked_name(token)
            if name in self.names:
                raise source.error(token, f"{name!r} is declared twice")
            self.names[name] = self._add("input" if position == 0 else "state", name=name)
        self.states = [str(token) for token in parameters[1:]]
        self.header = header
        if not self.states:
            raise source.error(header, "a cell has at least one state: cell NAME(x, h):")
        if len(self.states) > MAX_STATES:
            raise source.error(header, f"{len(self.states)} states; a cell has at most {MAX_STATES}")

    def _checked_name(self, token: Token) -> str:
        if len(token) > MAX_NAME:
            raise self.source.error(
                token, f"a name has at most {MAX_NAME} characters, this one has {len(token)}"
            )
        if token in CALLS:
            raise self.source.error(token, f"{str(token)!r} is an op and cannot be a name")
        return str(token)

    def _add(self, op: str, inputs: tuple[int, ...] = (), args: Any = (), name: str | None = None) -> int:
        if len(self.nodes) >= self.room:
            raise self.source.error((1, 1), f"a cell has at most {MAX_NODES} nodes")
        self.nodes.append(Node(len(self.nodes), op, inputs, args, name))
        return len(self.nodes) - 1

    def assign(self, target: Token, expression: Tree[Token]) -> None:
        """Take in one line `NAME = expression` or `STATE' = expression`."""
        self.target = key = str(target)
        if target.type == "NAME":
            self._checked_name(target)
        elif key[:-1] not in self.states:
            raise self.source.error(
                target, f"{quoted(key[:-1])} is no state (states here: {', '.join(self.states)})"
            )
        if key in self.names:
            raise self.source.error(target, f"{key!r} is assigned twice")
        before = len(self.nodes)
        handle = self.value(expression)
        if target.type == "NAME":
            if len(self.nodes) == before and self.nodes[handle].op != "number" or self.nodes[handle].name:
                raise self.source.error(
                    target, f"'{key} = …' gives a second name to something; it says nothing"
                )
            self.nodes[handle] = replace(self.nodes[handle], name=key)
            self.numbers = {text: at for text, at in self.numbers.items() if at != handle}
        self.names[key] = handle

    def value(self, tree: Any) -> int:
        """Return the handle of an expression's value. Its depth is bounded by the nesting limit."""
        if isinstance(tree, Token):
            raise self.source.error(tree, f"unexpected {str(tree)!r}")
        if tree.data in ("sum", "product"):
            result = self.value(tree.children[0])
            for operator, operand in zip(tree.children[1::2], tree.children[2::2], strict=True):
                result = self._add(INFIX[str(operator)], (result, self.value(operand)))
            return result
        if tree.data == "number":
            return self._number(self._finite(tree.children[0]))
        if tree.data == "negative":
            return self._negative(tree.children[1])
        if tree.data == "name":
            return self._known(tree.children[0])
        return self._call(*tree.children)

    def _negative(self, operand: Tree[Token]) -> int:
        """Return a negative number, or what subtracts anything else from 0."""
        if operand.data == "number":
            token = operand.children[0]
            assert isinstance(token, Token)
            return self._number(0.0 - self._finite(token))
        zero = self._number(0.0)
        return self._add("sub", (zero, self.value(operand)))

    def _number(self, value: float) -> int:
        key = repr(value)
        if key not in self.numbers:
            self.numbers[key] = self._add("number", args=(("value", value),))
        return self.numbers[key]

    def _finite(self, token: Token) -> float:
        value = float(token)
        if not math.isfinite(value):
            raise self.source.error(token, f"{str(token)[:20]} is no finite number")
        return value

    def _known(self, token: Token) -> int:
        if token in self.names:
            return self.names[str(token)]
        if str(token) in CALLS:
            raise self.source.error(token, f"op {str(token)!r} needs its operands in brackets")
        raise self.source.error(token, self._unknown(str(token)))

    def _unknown(self, name: str) -> str:
        """Return what to say of a name that has no value; a primed name is never taken for another."""
        if name in self.targets:
            where = "in this very line" if name == self.target else "below"
            return f"{name!r} is assigned {where}: a value is read in the lines under its own"
        if (
            name.endswith("'")
            and name[:-1] in self.names
            and self.nodes[self.names[name[:-1]]].op == "linear"
        ):
            return f"{quoted(name)} is no value: the transpose of a matrix is written linear(v, like={name})"
        alike = [known for known in self.names if known.endswith("'") == name.endswith("'")]
        return (
            f"unknown name {quoted(name)} (known here: {first_names(self.names)}{did_you_mean(name, alike)})"
        )

    def _call(self, name: Token, arguments: Tree[Token]) -> int:
        op = str(name)
        if op not in CALLS:
            hint = hints.of_function(op) or did_you_mean(op, CALLS)
            raise self.source.error(name, f"unknown op {quoted(op)} (ops: {', '.join(sorted(CALLS))}{hint})")
        keywords = [
            child for child in arguments.children if isinstance(child, Tree) and child.data == "keyword"
        ]
        operands = [child for child in arguments.children if child not in keywords]
        if len(operands) != OPS[op].arity:
            hint = f"; write {hints.JOINED}" if op == "linear" and operands else ""
            raise self.source.error(
                name, f"op {op!r} takes {OPS[op].arity} operands, got {len(operands)}{hint}"
            )
        inputs = tuple(self.value(operand) for operand in operands)
        given = self._given(op, keywords)
        reference = self._reference(given.pop(OPS[op].reference, None), given)
        values = {name: self._argument(*tokens) for name, tokens in given.items()}
        handle = self._add(op, inputs, canonical_arguments(op, values))
        if reference is not None:
            self.references[handle] = reference
        return handle

    def _given(self, op: str, keywords: list[Tree[Token]]) -> dict[str, list[Token]]:
        """Return the arguments as they stand: for each name its token, a sign perhaps, and the value."""
        known = [*OPS[op].defaults, *([OPS[op].reference] if OPS[op].reference else [])]
        given: dict[str, list[Token]] = {}
        for keyword in keywords:
            tokens = [token for token in keyword.children if isinstance(token, Token)]
            name = tokens[0]
            if name not in known:
                raise self.source.error(
                    name,
                    f"op {op!r} has no argument {quoted(name)} (arguments: {', '.join(known) or 'none'})",
                )
            if name in given:
                raise self.source.error(name, f"argument {str(name)!r} is given twice")
            given[str(name)] = tokens
        return given

    def _reference(self, tokens: list[Token] | None, others: Iterable[str]) -> Reference | None:
        """Return whose matrix a linear shares, None if it has its own."""
        if tokens is None:
            return None
        if len(tokens) == 3 or tokens[-1].type == "NUMBER":
            raise self.source.error(
                tokens[-1], "argument 'like' takes the name of a linear: like=a, or like=a' for its transpose"
            )
        if of_the_matrix := [name for name in others if name in OF_THE_MATRIX]:
            raise self.source.error(
                tokens[0],
                f"{of_the_matrix[0]} beside like: the matrix is another linear's, which says its {of_the_matrix[0]}",
            )
        return Reference(tokens[-1])

    def _argument(self, name: Token, *tokens: Token) -> Value:
        value, sign = tokens[-1], -1 if len(tokens) == 2 else 1
        if name == "heads":
            return self._heads(value, sign)
        if value.type == "NUMBER":
            return self._finite(value) * sign
        if name == "bias" and value == UGI_NAME:
            return UGI * sign
        if name == "bias" and value == "none" and sign > 0:
            return None
        allowed = f"a number, {UGI_NAME} or none" if name == "bias" else "a number"
        raise self.source.error(value, f"argument {str(name)!r} takes {allowed}, got {quoted(value)}")

    def _heads(self, value: Token, sign: int) -> float:
        number = self._finite(value) * sign if value.type == "NUMBER" else 0.0
        if number != int(number) or not 1 <= number <= MAX_HEADS:
            given = quoted("-" * (sign < 0) + value)
            raise self.source.error(
                value, f"argument 'heads' takes a whole number from 1 to {MAX_HEADS}, got {given}"
            )
        return number

    def graph(self, note: tuple[str, ...]) -> Graph:
        """Return the finished graph, once every state has a next value and matters."""
        missing = [state for state in self.states if f"{state}'" not in self.names]
        if missing:
            raise self.source.error(
                self.header, f"state {missing[0]!r} has no next value: add a line {missing[0]}' = …"
            )
        following = tuple(self.names[f"{state}'"] for state in self.states)
        nodes = resolved(self.nodes, self.names, self.references, self.source.error)
        graph = Graph(self.title, nodes, following, note)
        live = live_states(graph)
        for state in graph.state_nodes:
            if state.handle not in live:
                raise self.source.error(
                    self.header, f"state {state.name!r} is used by nothing that reaches the output"
                )
        return graph
