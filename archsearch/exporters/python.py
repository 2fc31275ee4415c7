"""A cell as one readable Python module that imports only torch.

The frame is `module.py.txt`; into it go identifiers that were checked or made here, numbers, expressions made of those
(through `ast`, which also drops needless brackets), and a docstring whose text is escaped.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from archsearch import __version__
from archsearch.cell import OPS, Cell, Node
from archsearch.cell.graph import is_input_linear
from archsearch.cell.ops import UGI
from archsearch.cell.printing import number
from archsearch.exporters.scores import Scores, score_lines, start_lines
from archsearch.exporters.tidy import Tidy, named_weights, tidy
from archsearch.exporters.wrapping import wrapped
from archsearch.words import escaped, polynomial

FRAME = Path(__file__).with_name("module.py.txt")
TAKEN = {
    "self",
    "torch",
    "nn",
    "Tensor",
    "PackedSequence",
    "state",
    "STATES",
    "x_wide",
    "self_check",
    *OPS,
    *dir(builtins),
}
WIDE = "x_wide"
FUNCTIONAL = "torch.nn.functional."
BIAS_CHECK = """if not bias:
            raise ValueError("bias=False, but a bias of this cell starts at another number than 0")"""

SPREAD = """# Uniform gate initialisation (Gu et al. 2020): sigmoid(gates) is spread evenly over the units.
least = 1.0 / max(self.hidden_size, 2)
gates = torch.logit(torch.empty(self.hidden_size).uniform_(least, 1.0 - least))"""


def to_python(cell: Cell, scores: Scores | None = None) -> str:
    """Return the source of a module with the cell as a class like `torch.nn.GRU`, and a self-check."""
    source = _Source(tidy(cell))
    count = len(source.states)
    alone = count == 1
    fields = {
        "DOC": docstring(source.documentation(score_lines(scores), start_lines(scores))),
        "FUNCTIONS": ", ".join(source.functions()),
        "CLASS": source.class_name,
        "STATES": _tuple([f'"{name}"' for name in source.cell.states]),
        "BIAS_CHECK": BIAS_CHECK if any(start for _, start in source.biases()) else "",
        "PARAMETERS": source.block(source.declarations()),
        "START": source.block(source.starts()),
        "UNPACK": _tuple(source.states),
        "STEP": source.block(source.step()),
        "FOLLOWING": ", ".join(source.following),
        "STATE": "Tensor" if alone else f"Tuple[{', '.join(['Tensor'] * count)}]",
        "GIVEN": "[state]" if alone else f"[{_each('state', count)}]",
        "JOINED": "states[0]" if alone else f"({_each('states', count)})",
    }
    frame = FRAME.read_text(encoding="utf-8")
    if not fields["BIAS_CHECK"]:
        frame = frame.replace("        <BIAS_CHECK>\n", "")
    return re.sub(r"<([A-Z_]+)>", lambda match: fields[match[1]], frame)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What one op learns, by the names of the exported module."""

    weight: str
    bias: str | None


def exported_names(shown: Tidy) -> dict[int, Parameters]:
    """Return the names of all parameters by the handle of the op that learns them; `P` is the projection of x."""
    found: dict[int, Parameters] = {}
    taken: set[str] = set()
    for handle, weight in named_weights(shown).items():
        node = shown.cell.node(handle)
        rank = str(weight.rank) * (weight.rank > 1)
        words = [weight.line, weight.operand, rank]
        name = _free("_".join(word for word in ["W" if node.op == "linear" else "p", *words] if word), taken)
        bias = "_".join(word for word in ["b", weight.line, *words[1:] * (not weight.alone)] if word)
        found[handle] = Parameters(name, _free(bias, taken) if node.has_bias else None)
    return found


def class_name(shown: Tidy) -> str:
    """Return the cell's name in CamelCase."""
    name = "".join(word[:1].upper() + word[1:] for word in shown.cell.name.split("_") if word)
    safe = name.isidentifier() and name not in TAKEN and not keyword.iskeyword(name)
    return name if safe else f"Cell{name}"


def docstring(lines: Iterable[str]) -> str:
    """Return a string literal over several lines that holds `lines`, whatever they say."""
    safe = [escaped(line).replace("\\", "\\\\").replace('"""', '\\"\\"\\"').rstrip() for line in lines]
    return '"""' + "\n".join(safe) + '\n"""'


class _Source:
    """The parts of the module that depend on the cell.

    Attributes:
        tidy: The cell.
        cell: The same, as a graph.
        parameters: Names of what it learns.
        names: Variables by handle.
        class_name: Of the module.
        states: Variables of the states.
        following: Expressions of their next values.
    """

    def __init__(self, shown: Tidy) -> None:
        self.tidy, self.cell = shown, shown.cell
        self.parameters = exported_names(shown)
        self.names = _variables(shown)
        self.class_name = class_name(shown)
        self.states = [self.names[state.handle] for state in self.cell.state_nodes]
        self.following = [self._following(handle) for handle in self.cell.next]

    def documentation(self, scores: list[str], starts: list[str]) -> list[str]:
        """Return the lines of the module's docstring."""
        equations = self.cell.text().splitlines()[len(self.cell.note) :]
        state = "h" if len(self.states) == 1 else f"({', '.join(self.cell.states)})"
        return [
            f"The recurrent cell {self.cell.name} as a PyTorch layer, used like torch.nn.GRU. Needs nothing but torch.",
            "",
            *self.cell.note,
            *[""] * bool(self.cell.note),
            "Equations: a quote marks a state's next value, * is element-wise, every linear has a matrix of its own.",
            "",
            *(f"    {line}" for line in equations),
            "",
            f"{self.cell.id}: {polynomial(self.cell.polynomial)} parameters for an input as wide as the state (n).",
            *scores,
            "",
            f"    layer = {self.class_name}(input_size=64, hidden_size=128)",
            *(f"    {line}" for line in starts),
            f"    output, {state} = layer(torch.randn(35, 20, 64))",
            "",
            f"Written by archsearch {__version__}. Run this file to check it.",
        ]

    def functions(self) -> list[str]:
        """Return what the step needs of torch.nn.functional; `linear` also serves the projection."""
        used = {node.op for node in self.cell.ops if OPS[node.op].torch.startswith(FUNCTIONAL)}
        return sorted({"dropout", *used, *(["linear"] if self.cell.needs_projection else [])})

    def biases(self) -> Iterator[tuple[str, float]]:
        """Yield the name of each bias with the value it starts at."""
        for handle, names in self.parameters.items():
            if names.bias is not None:
                yield names.bias, self.cell.node(handle).argument("bias") or 0.0

    def declarations(self) -> Iterator[str]:
        """Yield the statements that make the parameters."""
        x = self.cell.x.handle
        if self.cell.needs_projection:
            yield "self.P = matrix(input_size) if input_size != hidden_size else None  # makes x as wide as the state"
        for handle, names in self.parameters.items():
            node = self.cell.node(handle)
            size = "input_size" if is_input_linear(node, x) else "hidden_size"
            yield f"self.{names.weight} = " + (f"matrix({size})" if node.op == "linear" else "vector()")
            if names.bias is not None:
                yield f"self.{names.bias} = vector() if bias else None"

    def starts(self) -> Iterator[str]:
        """Yield the statements that set parameters which do not start at random."""
        for handle, names in self.parameters.items():
            node = self.cell.node(handle)
            if node.op == "scale" and self.cell.node(node.inputs[0]).op == "norm":
                yield f"nn.init.ones_(self.{names.weight})"
            if node.op == "linear" and (diagonal := node.argument("diag")):
                yield f"self.{names.weight}.diagonal().add_({number(diagonal)})"
        starts = sorted({start for _, start in self.biases()})
        if any(abs(start) == UGI for start in starts):
            yield SPREAD
        for start in starts:
            same = [f"self.{name}" for name, its in self.biases() if its == start]
            yield wrapped(f"biases = {_tuple(same)}")
            begin = f"nn.init.constant_(bias, {number(start)})"
            if abs(start) == UGI:
                begin = f"bias.copy_({'gates' if start > 0 else '-gates'})"
            yield f"for bias in biases:\n    if bias is not None:\n        {begin}"

    def step(self) -> Iterator[str]:
        """Yield the statements of one time step, one per line of the cell."""
        if self.cell.needs_projection:
            yield f"{WIDE} = x if self.P is None else linear(x, self.P)"
        for node in self.tidy.lines:
            if node.op != "number":
                yield wrapped(f"{self.names[node.handle]} = {self._expression(node)}")

    @staticmethod
    def block(statements: Iterable[str]) -> str:
        """Return statements as the body of a method; `pass` if there are none."""
        lines = [line for statement in statements for line in statement.split("\n")] or ["pass"]
        return "\n".join(f"        {line}" for line in lines).lstrip()

    def _following(self, handle: int) -> str:
        return self._full(handle) if self.cell.node(handle).op == "number" else self.names[handle]

    def _full(self, handle: int) -> str:
        """Return a number as a tensor like a state."""
        return f"torch.full_like({self.states[0]}, {number(self.cell.node(handle).value)})"

    def _expression(self, node: Node) -> str:
        """Return the expression that computes a node; its depth is that of a line of the cell."""
        op = OPS[node.op]
        operands = [self._operand(node, position) for position in range(op.arity)]
        names = self.parameters.get(node.handle)
        bias = f"self.{names.bias}" if names and names.bias else "None"
        text = op.torch.format(*operands, w=f"self.{names.weight}" if names else "", b=bias)
        return ast.unparse(ast.parse(text.replace(FUNCTIONAL, "").replace(", None)", ")"), mode="eval"))

    def _operand(self, node: Node, position: int) -> str:
        source = self.cell.node(node.inputs[position])
        if source.op == "number":
            others = [
                self.cell.node(other).op for other in node.inputs[:position] + node.inputs[position + 1 :]
            ]
            plain = OPS[node.op].infix and others and (others[0] != "number" or position == 1)
            return number(source.value) if plain else self._full(source.handle)
        if source.op == "input":
            return "x" if is_input_linear(node, source.handle) or not self.cell.needs_projection else WIDE
        return self.names.get(source.handle) or f"({self._expression(source)})"


def _tuple(items: list[str]) -> str:
    return f"({', '.join(items)}{',' * (len(items) == 1)})"


def _each(name: str, count: int) -> str:
    return ", ".join(f"{name}[{place}]" for place in range(count))


def _variables(shown: Tidy) -> dict[int, str]:
    """Return the variable of every value that gets one: x, the states, the lines; `h_next` for h'."""
    taken = {"x"}
    cell = shown.cell
    found = {cell.x.handle: WIDE if cell.needs_projection else "x"}
    for node in cell.state_nodes:
        found[node.handle] = _variable(node.name or "", taken)
    for node in shown.lines:
        if node.op != "number":
            found[node.handle] = _variable(shown.targets[node.handle].replace("'", "_next"), taken)
    return found


def _variable(name: str, taken: set[str]) -> str:
    """Return the cell's own name where Python and the module leave it free, else one like it."""
    plain = name.isascii() and name.isidentifier() and not name.startswith("_")
    usable = plain and not keyword.iskeyword(name) and name not in TAKEN
    return _free(name if usable else f"v_{name.strip('_')}" if plain else "v", taken)


def _free(name: str, taken: set[str]) -> str:
    """Return `name`, or it with the smallest number that makes it new, and take it."""
    choice, count = name, 1
    while choice in taken:
        count += 1
        choice = f"{name}_{count}"
    taken.add(choice)
    return choice
