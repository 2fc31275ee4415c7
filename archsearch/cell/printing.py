"""Writes a cell in its own language, so that parsing the text gives the cell again."""

from __future__ import annotations

from dataclasses import replace

from archsearch.cell.graph import Graph
from archsearch.cell.node import Node
from archsearch.cell.ops import CALLS, OPS, PRECEDENCE, UGI, UGI_NAME
from archsearch.cell.sharing import OF_THE_MATRIX

MAX_DEPTH = 4
MAX_WIDTH = 80
MAX_BYTES = 64 * 1024
"""Bytes of a cell's text; where it would have more, the lines of the note lose the space after their `#`."""

CALL = 3
"""Binds tighter than every infix op."""


def text(graph: Graph) -> str:
    """Return the text of a cell.

    A node gets its own line if it is named, read twice, deeper than 4 or wider than 80 columns, or has a matrix that others
    share; new names are the smallest free n1, n2, …
    """
    lines = _Printer(graph).lines()
    whole = "\n".join([*(f"# {line}".rstrip() for line in graph.note), *lines]) + "\n"
    if len(whole.encode(errors="surrogatepass")) <= MAX_BYTES:
        return whole
    narrow = (f"# {line}" if line.startswith(" ") else f"#{line}" for line in graph.note)
    return "\n".join([*narrow, *lines]) + "\n"


def number(value: float) -> str:
    """Return the shortest decimal that reads back as `value`, or the name of uniform gate initialisation."""
    if abs(value) == UGI:
        return UGI_NAME if value > 0 else f"-{UGI_NAME}"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


class _Printer:
    """A cell that is being written.

    Attributes:
        graph: The cell.
        taken: Names that are in use.
        called: For each handle its expression, how tightly that binds, and its depth.
    """

    def __init__(self, graph: Graph) -> None:
        self.taken = {node.name for node in graph.nodes if node.name}
        self.graph = replace(graph, nodes=tuple(map(self._with_name, graph.nodes)))
        self.called: dict[int, tuple[str, int, int]] = {}  # handle -> expression, precedence, depth

    def _with_name(self, node: Node) -> Node:
        """Return a node with a name if others share its matrix, which they name."""
        named = node.like == node.handle and not node.name
        return replace(node, name=self._fresh()) if named else node

    def lines(self) -> list[str]:
        """Return the header and one line per assignment."""
        graph = self.graph
        names = [graph.x.name or "x", *graph.states]
        following: dict[int, str] = {}
        for state, target in zip(graph.states, graph.next, strict=True):
            if not graph.node(target).name and graph.node(target).op != "number":
                following.setdefault(target, f"{state}'")
        lines = [f"cell {graph.name}({', '.join(names)}):"]
        for node in graph.nodes:
            if line := self._line(node, following.get(node.handle)):
                lines.append(f"    {line}")
        for state, target in zip(graph.states, graph.next, strict=True):
            if following.get(target) != f"{state}'":
                lines.append(f"    {state}' = {self.called[target][0]}")
        return lines

    def _line(self, node: Node, target: str | None) -> str | None:
        """Remember how others write `node`; return its own line if it gets one."""
        expression, precedence, depth = self._expression(node)
        if node.op in ("input", "state"):
            self.called[node.handle] = node.name or "x", CALL, 0
            return None
        name = target or node.name
        if name is None and node.op != "number":
            readers = self.graph.consumers[node.handle]
            if len(readers) > 1 or depth > MAX_DEPTH or len(expression) > MAX_WIDTH:
                name = self._fresh()
        if name is None:
            self.called[node.handle] = expression, precedence, depth
            return None
        self.called[node.handle] = name, CALL, 0
        return f"{name} = {expression}"

    def _fresh(self) -> str:
        count = 1
        while f"n{count}" in self.taken:
            count += 1
        self.taken.add(f"n{count}")
        return f"n{count}"

    def _expression(self, node: Node) -> tuple[str, int, int]:
        if node.op == "number":
            return number(node.value), CALL, 0
        if node.op not in OPS:
            return node.name or "", CALL, 0
        operands = [self.called[source] for source in node.inputs]
        depth = 1 + max(operand[2] for operand in operands)
        if node.op in CALLS:
            given = self._arguments(node)
            return f"{node.op}({', '.join([operand[0] for operand in operands] + given)})", CALL, depth
        own = PRECEDENCE[node.op]
        left = operands[0][0] if operands[0][1] >= own else f"({operands[0][0]})"
        right = operands[1][0] if operands[1][1] > own else f"({operands[1][0]})"
        return f"{left} {OPS[node.op].infix} {right}", own, depth

    def _arguments(self, node: Node) -> list[str]:
        """Return the arguments of a call; of a map that has another's matrix, what it says of that is left to the other."""
        given = [(name, "none" if value is None else number(value)) for name, value in node.args]
        if node.owner == node.handle:
            return [f"{name}={value}" for name, value in given]
        owner = self.graph.node(node.owner).name or ""
        own = [f"{name}={value}" for name, value in given if name not in OF_THE_MATRIX]
        return [f"like={owner}" + "'" * node.transposed, *own]
