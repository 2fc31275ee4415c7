"""Cells and formats for the export tests: the library's, mutants, and cells that try to be something else."""

from dataclasses import replace

from archsearch.cell import Cell, library
from archsearch.exporters import EXPORTERS, Scores, TaskScore
from archsearch.mutations import mutate

TEXTS = [name for name, row in EXPORTERS.items() if not row.binary and name != "pararnn"]
"""Formats of text that take every cell; those of bytes take seconds and are held in `test_runnable.py`."""

CORNERS = {
    "a number as a next value": "cell corner(x, h, c):\n    c' = 0.5\n    h' = tanh(linear(x) + c)\n",
    "x as a next value": "cell corner(x, h, c):\n    c' = x\n    h' = tanh(linear(c) + linear(h))\n",
    "two states with one next value": "cell corner(x, h, c):\n    n = tanh(linear(x) + h * c)\n    c' = n\n    h' = n\n",
    "functions of numbers": "cell corner(x, h):\n    h' = max(linear(x), 0) + tanh(2) * (1 / 3) + linear(2)\n",
    "named numbers": "cell corner(x, h):\n    half = 0.5\n    h' = half * h + half * tanh(linear(x))\n",
    "negative numbers": "cell corner(x, h):\n    a = -0.5 * linear(x)\n"
    "    h' = tanh(a - -2 * h) + max(h, -1) / -3 + linear(-1)\n",
    "a gain after a norm": "cell corner(x, h):\n    h' = scale(norm(linear(x) + h - linear(h, diag=0.9)))\n",
    "heads": "cell corner(x, h):\n    r = sigmoid(linear(x) + linear(h, bias=none, heads=2))\n"
    "    h' = tanh(linear(x, heads=2) + linear(r * h, bias=none, diag=0.5, heads=2)) + linear(h, heads=4)\n",
    "shared matrices": "cell corner(x, h):\n    i = sigmoid(linear(x, like=b, bias=none) + linear(h))\n"
    "    b = linear(h, bias=none, diag=0.5)\n    a = linear(x, heads=2)\n"
    "    n = tanh(linear(h, like=b') + linear(i * h, like=a', bias=1) - linear(i, like=a) + linear(h, like=a'))\n"
    "    h' = n * a + linear(n * h, like=b) * b\n",
    "means": "cell corner(x, h):\n    a = linear(x) - mean(h)\n"
    "    h' = tanh(norm(a - mean(a)) * mean(2) + mean(linear(h) * x))\n",
    "scales that start at numbers": "cell corner(x, h):\n"
    "    h' = tanh(scale(linear(x), start=0.5) + scale(norm(h), start=0.1) + scale(h, start=1))\n",
    "every function": "cell corner(x, h):\n    a = leaky_relu(x) + softplus(h) - silu(linear(x, bias=-2))\n"
    "    h' = tanh(exp(tanh(a)) / (1 + sigmoid(stop(h))))\n",
    "roots and waves": "cell corner(x, h):\n    a = sin(linear(x)) + cos(h)\n    h' = sqrt(1 + a * a) * sin(2)\n",
    "no weights": "cell corner(x, h):\n    h' = sigmoid(h) - x\n",
    "a square": "cell corner(x, h):\n    h' = tanh(linear(x) + linear(h * h))\n",
    "names that Python keeps": "cell True(self, state, torch, x, nn):\n    lambda = tanh(linear(self) + x * nn)\n"
    "    None = __debug * lambda\n".replace("__debug", "state")
    + "    _ = sigmoid(linear(torch) + linear(None))\n    x' = lambda\n    nn' = None\n    torch' = _\n"
    "    state' = _ * x' + h_next\n".replace("h_next", "nn"),
    "a reversed quotient": "cell corner(x, h):\n    z = sigmoid(linear(x))\n    h' = h / (2 + z) - 1 / (1 + z)\n",
}


def corner(name: str) -> Cell:
    """Return one of the cells that few people would write."""
    return Cell.parse(CORNERS[name])


def mutant(seed: int, parent: str = "gru", steps: int = 6) -> Cell:
    """Return what some mutations in turn make of a library cell."""
    cell = library.load(parent)
    for step in range(steps):
        cell, _ = mutate(cell, seed=1000 * seed + step, magnitude="count")
    return cell


def renamed(cell: Cell, names: list[str], title: str, note: tuple[str, ...] = ()) -> Cell:
    """Return the cell with these names on its nodes in turn, whatever they are."""
    nodes = tuple(replace(node, name=names[i % len(names)]) for i, node in enumerate(cell.nodes))
    return Cell(title, nodes, cell.next, note)


SCORES = Scores(
    run="quick-1",
    rank=3,
    fitness=1.0523,
    seed=0,
    tasks=(
        TaskScore("xml:small", 0.6412, 0.31, 1.0523, "adamw rate=0.01 clip=5"),
        TaskScore("ptb:small", 6.1),
    ),
    noise="The best of 12 GRU clones would reach 1.15 by luck.",
)
