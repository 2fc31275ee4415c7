"""A cell as a Graphviz graph: one node per op, for those who have `dot` and want to arrange the picture themselves."""

from __future__ import annotations

from archsearch.cell import OPS, Cell, Node
from archsearch.cell.printing import number
from archsearch.cell.sharing import OF_THE_MATRIX
from archsearch.exporters.scores import Scores, score_lines
from archsearch.exporters.tidy import tidy


def to_dot(cell: Cell, scores: Scores | None = None) -> str:
    """Return the Graphviz text of a cell's graph; operands of `-` and `/` enter in order from left to right."""
    shown = tidy(cell).cell
    comments = [f"// {line}" for line in [f"{shown.name} {shown.id}", *score_lines(scores)]]
    sources = [shown.x.handle, *(state.handle for state in shown.state_nodes)]
    lines = [
        *comments,
        f"digraph {_quoted(shown.name)} {{",
        '  graph [rankdir=BT, ordering=in, fontname="Helvetica"];',
        '  node [shape=box, style=rounded, fontname="Helvetica"];',
        *(f"  n{node.handle} [{_look(node)}];" for node in shown.nodes),
        *(
            f'  next{i} [label={_quoted(state + chr(39))}, style="rounded,bold"];'
            for i, state in enumerate(shown.states)
        ),
        *(f"  n{source} -> n{node.handle};" for node in shown.nodes for source in node.inputs),
        *(_tie(node) for node in shown.nodes if node.owner != node.handle),
        *(f"  n{handle} -> next{i};" for i, handle in enumerate(shown.next)),
        f"  {{ rank=source; {' '.join(f'n{handle};' for handle in sources)} }}",
        f"  {{ rank=sink; {' '.join(f'next{i};' for i in range(len(shown.states)))} }}",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _look(node: Node) -> str:
    """Return the attributes of a node: circles for element-wise ops, boxes for what learns, rounded for the rest."""
    if node.op in ("input", "state"):
        return f'label={_quoted(node.name or "")}, style="rounded,bold"'
    if node.op == "number":
        return f"label={_quoted(number(node.value))}, shape=plaintext"
    symbol = OPS[node.op].infix
    own = [pair for pair in node.args if node.owner == node.handle or pair[0] not in OF_THE_MATRIX]
    arguments = "".join(f", {name}={'none' if value is None else number(value)}" for name, value in own)
    label = f"{node.name} = " * bool(node.name) + (symbol or node.op) + arguments
    shape = "shape=circle, " * bool(symbol and not node.name) + "style=solid, " * node.learns
    return f"{shape}label={_quoted(label)}"


def _tie(node: Node) -> str:
    """Return a line without arrow from the map that has a shared matrix to one that it is not of."""
    label = "like" + "'" * node.transposed
    return f'  n{node.owner} -> n{node.handle} [dir=none, style=dashed, constraint=false, label="{label}"];'


def _quoted(text: str) -> str:
    """Return a Graphviz string; backslashes there would start an escape."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
