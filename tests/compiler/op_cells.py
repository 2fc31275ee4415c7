"""Cells of the ops that no library cell and no mutant of the paper has, for the agreement of engines."""

from dataclasses import replace

from archsearch.cell import Cell
from tests.helpers.agreement import SHAPES, Shape

TEXTS = {
    "roots and waves": """
cell waves(x, h, c):
    a = sin(linear(x) + linear(h)) + cos(c)
    c' = cos(linear(a)) * sin(x)
    h' = sqrt(1 + a * a) - sqrt(2 + sin(c')) + c
""",
    "heads": """
cell blocks(x, h, c):
    i = sigmoid(linear(x) + linear(h, bias=none, heads=2))
    c' = tanh(linear(c, heads=4, diag=0.5) + linear(x, heads=2)) * i + linear(i * h, bias=none, heads=4)
    h' = linear(c', heads=2) + linear(h, bias=none)
""",
    "shared matrices": """
cell shared(x, h, c):
    i = sigmoid(linear(c, like=a, bias=none) + linear(x))
    a = linear(h, diag=0.5)
    b = tanh(linear(i * h, like=a', bias=1) + linear(x, like=a) - linear(x, like=b1'))
    b1 = linear(x)
    c' = tanh(linear(b, like=d) - linear(b, like=d', bias=none) + linear(c, like=d'))
    d = linear(h, bias=none, heads=2)
    h' = b * c' + linear(0.5, like=e') + linear(stop(linear(h, like=e)), like=a)
    e = linear(stop(h * c'))
""",
    "layer norm": """
cell layer_norm(x, h, c):
    a = linear(x) + linear(h, bias=none)
    b = tanh(scale(norm(a - mean(a))) + scale(1, start=0))
    c' = mean(b * c) + 0.5 * c - mean(linear(b)) * mean(2)
    h' = b - mean(c') + norm(mean(x) + mean(h) * exp(0 - mean(mean(a))))
""",
}


def op_cell(name: str) -> Cell:
    """Return one of the cells."""
    return Cell.parse(TEXTS[name])


def shapes(cell: Cell) -> list[Shape]:
    """Return shapes to run a cell in, as wide as its heads ask for."""
    return [replace(SHAPES[at], width=cell.width_from(SHAPES[at].width)) for at in (4, 9, 11)]
