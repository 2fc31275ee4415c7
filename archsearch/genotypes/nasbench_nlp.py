"""Recipes of NAS-Bench-NLP: `{"h_new_0": {"input": ["i"], "op": "activation_tanh"}, "i": {…}}`.

Klyuchnikov, Trofimov, Artemova, Salnikov, Fedorov and Burnaev 2020, "NAS-Bench-NLP: Neural Architecture Search Benchmark for
Natural Language Processing" (arXiv 2006.07116), section 3. A recipe names its nodes; each has an op and inputs, which are
nodes, `x`, or the states `h_prev_0`, `h_prev_1` …; `h_new_0`, `h_new_1` … are their next values, and h_new_0 is what the
layer puts out. The ops, with W a matrix of its own for each input:

    linear                   W a + W b + … + bias
    blend                    z a + (1 - z) b, of inputs z, a, b in this order
    elementwise_prod, _sum   a b …, a + b + …
    activation_tanh, _sigm, _leaky_relu    the last with slope 0.01 below 0, torch's default
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from archsearch.cell import Cell
from archsearch.cell.language import MAX_NAME
from archsearch.cell.ops import CALLS
from archsearch.errors import CellError
from archsearch.genotypes.literals import Value, read_literal
from archsearch.words import did_you_mean

SOURCE = "NAS-Bench-NLP recipe"
FORM = re.compile(r"\s*\{")
STATE, NEXT = re.compile(r"h_prev_(0|[1-9]\d?)", re.ASCII), re.compile(r"h_new_(0|[1-9]\d?)", re.ASCII)
OUTPUT = "h_new_0"


@dataclass(frozen=True)
class RecipeOp:
    """An op of recipes.

    Attributes:
        least: The fewest inputs that it takes.
        write: How the language says it, of the names of its inputs.
        most: The most inputs; None for any number.
    """

    least: int
    write: Callable[[Sequence[str]], str]
    most: int | None = None


def _linear(inputs: Sequence[str]) -> str:
    first, *others = inputs
    return " + ".join([f"linear({first})", *(f"linear({name}, bias=none)" for name in others)])


def _blend(inputs: Sequence[str]) -> str:
    z, a, b = inputs
    return f"{z} * {a} + (1 - {z}) * {b}"


OPS_OF_RECIPES = {
    "linear": RecipeOp(1, _linear),
    "blend": RecipeOp(3, _blend, most=3),
    "elementwise_prod": RecipeOp(2, " * ".join),
    "elementwise_sum": RecipeOp(2, " + ".join),
    "activation_tanh": RecipeOp(1, lambda inputs: f"tanh({inputs[0]})", most=1),
    "activation_sigm": RecipeOp(1, lambda inputs: f"sigmoid({inputs[0]})", most=1),
    "activation_leaky_relu": RecipeOp(1, lambda inputs: f"leaky_relu({inputs[0]})", most=1),
}


@dataclass(frozen=True)
class RecipeNode:
    """A node of a recipe.

    Attributes:
        op: A key of OPS_OF_RECIPES.
        inputs: What it reads.
    """

    op: str
    inputs: tuple[str, ...]


def read_recipe(text: str) -> Cell:
    """Return the cell of a recipe; what its output does not need, states included, is left out.

    Raises:
        CellError: It is none.
    """
    given = read_literal(text, SOURCE)
    if not isinstance(given, dict):
        raise CellError(f"{SOURCE}: no dict of nodes")
    nodes = {_checked_name(name): _node(name, node) for name, node in given.items()}
    needed = _needed(nodes)
    read = {source for node in needed.values() for source in node.inputs}
    states = [state for state in _states(nodes) if state in read or _next_of(state) == OUTPUT]
    names = {_next_of(state): f"{state}'" for state in states}
    lines = [
        f"{names.get(name, name)} = "
        + OPS_OF_RECIPES[needed[name].op].write([names.get(source, source) for source in needed[name].inputs])
        for name in _ordered(needed)
    ]
    header = f"cell imported(x, {', '.join(states)}):"
    about = f"A cell of NAS-Bench-NLP, Klyuchnikov et al. 2020 (arXiv 2006.07116), of {len(nodes)} nodes."
    return Cell.parse("\n    ".join([header, *lines]), SOURCE).renamed("imported", [about])


def _next_of(state: str) -> str:
    return state.replace("prev", "new")


def _checked_name(name: str) -> str:
    if not re.fullmatch(rf"[A-Za-z_][A-Za-z0-9_]{{0,{MAX_NAME - 1}}}", name):
        raise CellError(f"{SOURCE}: {name[:40]!r} is no name of letters, digits and _, at most {MAX_NAME}")
    if name in CALLS or name == "x" or STATE.fullmatch(name):
        raise CellError(f"{SOURCE}: a node cannot be called {name!r}; rename it")
    return name


def _node(name: str, given: Value) -> RecipeNode:
    if not isinstance(given, dict) or sorted(given) != ["input", "op"]:
        raise CellError(f'{SOURCE}: node {name!r} is no {{"input": [...], "op": "..."}}')
    op, inputs = given["op"], given["input"]
    if not isinstance(op, str) or not isinstance(inputs, tuple):
        raise CellError(f"{SOURCE}: node {name!r} has no list of inputs, or no word as its op")
    if op not in OPS_OF_RECIPES:
        hint = did_you_mean(op, OPS_OF_RECIPES)
        raise CellError(
            f"{SOURCE}: node {name!r} has op {op[:40]!r} (ops: {', '.join(OPS_OF_RECIPES)}{hint})"
        )
    names = tuple(each for each in inputs if isinstance(each, str))
    row = OPS_OF_RECIPES[op]
    if len(names) != len(inputs) or not row.least <= len(names) <= (row.most or len(names)):
        takes = f"{row.least} inputs" if row.most == row.least else f"at least {row.least} inputs"
        raise CellError(f"{SOURCE}: node {name!r}: {op} takes {takes} by their names, got {len(inputs)}")
    return RecipeNode(op, names)


def _states(nodes: Mapping[str, RecipeNode]) -> list[str]:
    """Return the states in their order: one for each next value."""
    numbers = sorted(int(found[1]) for name in nodes if (found := NEXT.fullmatch(name)))
    if numbers != list(range(len(numbers))) or not numbers:
        raise CellError(f"{SOURCE}: its next values are h_new_0, h_new_1 … without a gap")
    return [f"h_prev_{number}" for number in numbers]


def _needed(nodes: Mapping[str, RecipeNode]) -> dict[str, RecipeNode]:
    """Return the nodes that the output needs, now or in a later step."""
    known = {"x", *nodes, *_states(nodes)}
    needed, waiting = dict[str, RecipeNode](), [OUTPUT]
    while waiting:
        name = waiting.pop()
        if name in needed or name == "x":
            continue
        needed[name] = nodes[name]
        for source in nodes[name].inputs:
            if source not in known:
                raise CellError(
                    f"{SOURCE}: node {name!r} reads {source[:40]!r}, which is no node, x or state with a next "
                    f"value{did_you_mean(source, known)}"
                )
            waiting.append(_next_of(source) if STATE.fullmatch(source) else source)
    return needed


def _ordered(nodes: Mapping[str, RecipeNode]) -> list[str]:
    """Return the nodes so that each follows what it reads, one and the same order for one recipe."""
    try:
        order = TopologicalSorter({name: node.inputs for name, node in nodes.items()}).static_order()
        return [name for name in order if name in nodes]
    except CycleError as error:
        circle = " <- ".join(error.args[1][:6])
        raise CellError(f"{SOURCE}: nodes read each other in a circle: {circle}") from None
