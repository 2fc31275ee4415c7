"""Says in a few words which node of a cell is meant."""

from archsearch.cell import OPS, Cell

DEPTH = 2
"""Ops that are spelled out; what lies deeper is an ellipsis."""


def describe_node(cell: Cell, handle: int) -> str:
    """Return the name of a node, of the next value it is, or its expression: `tanh(linear(x) + …)`."""
    node = cell.node(handle)
    if node.name:
        return node.name
    if handle in cell.next:
        return f"{cell.states[cell.next.index(handle)]}'"
    return _expression(cell, handle, DEPTH)


def _expression(cell: Cell, handle: int, depth: int) -> str:
    node = cell.node(handle)
    if node.op == "number":
        return f"{node.value:g}"
    if node.op not in OPS or depth < DEPTH and (node.name or not depth):
        return node.name or "…"
    operands = [_expression(cell, source, depth - 1) for source in node.inputs]
    infix = OPS[node.op].infix
    if infix is None:
        return f"{node.op}({', '.join(_bare(operand) for operand in operands)})"
    text = f" {infix} ".join(operands)
    return text if depth == DEPTH else f"({text})"


def _bare(text: str) -> str:
    """Return an operand of a call without the brackets that only an infix op would need."""
    return text[1:-1] if text.startswith("(") else text
