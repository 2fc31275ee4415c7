"""The cell language on one page, for those who write cells and cannot open the documents (docs/cell-language.md)."""

from __future__ import annotations

from archsearch.cell.ops import OPS

EXAMPLE = """# Cho et al. 2014, in the form of Jozefowicz et al. 2015
cell gru(x, h):
    r = sigmoid(linear(x) + linear(h, bias=none))
    z = sigmoid(linear(x) + linear(h, bias=none))
    n = tanh(linear(x) + linear(r * h, bias=none))
    h' = n + z * (h - n)
"""

RULES = """A cell is a text: comment lines, one line `cell NAME(x, h, ...):`, then indented assignments, one a line.
x is the layer's input; the other parameters are states, and the first state is the layer's output.
h' is the next value of state h; every state has one, and it may be read after it is assigned.
Each name is assigned once, before it is read. All values have the width of the layer.
linear(v) is a learned matrix of its own with a bias: bias=1 starts the bias there, bias=none leaves it out, diag=0.9 is
added to the diagonal, heads=4 leaves four equal blocks along it. Give one bias to each gate: the second linear of a sum
says bias=none. linear(v, like=a) multiplies with the matrix of the line a = linear(u), like=a' with its transpose.
scale(v) is a learned vector, start=1 starts it there; norm(v) divides by the root mean square, mean(v) has the mean of all
units in each, stop(v) passes no gradient. Numbers may be written.
* and / bind tighter than + and -, left to right. Functions: {functions}.
The output has to depend on x, and some state on its own past.
Names, the order of lines, and the order of operands of + * max make no other cell: such texts have one id."""


def guide() -> str:
    """Return the rules of the language, and an example."""
    functions = ", ".join(
        f"{name}({', '.join('uv'[: op.arity])})" for name, op in OPS.items() if op.infix is None
    )
    return f"{RULES.format(functions=functions)}\n\n{EXAMPLE}"
