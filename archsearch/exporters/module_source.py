"""The parts of a Python module that depend on a cell, and the frames that they are put into.

A frame is a file beside this one, with `weights.py.txt` in it; into it go identifiers that were checked or made here,
numbers, expressions made of those (through `ast`, which also drops needless brackets), and a docstring whose text is
escaped.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from archsearch import __version__
from archsearch.cell import OPS, Node
from archsearch.cell.graph import is_input_linear, scale_start
from archsearch.cell.ops import UGI
from archsearch.cell.printing import number
from archsearch.exporters.module_names import WIDE, Parameters, class_name, exported_names, variables
from archsearch.exporters.scores import Scores, score_lines
from archsearch.exporters.tidy import Tidy
from archsearch.exporters.wrapping import wrapped
from archsearch.words import escaped, polynomial

FRAMES = Path(__file__).parent
WEIGHTS = "weights.py.txt"

PROJECTED = f"{WIDE} = x if self.P is None else linear(x, self.P)"
FUNCTIONAL = "torch.nn.functional."
BIAS_CHECK = """if not bias:
            raise ValueError("bias=False, but a bias of this cell starts at another number than 0")"""

LIKE = "Only like=a means the matrix of a, like=a' its transpose."

IN_BLOCKS = """def in_blocks(v: Tensor, weight: Tensor, blocks: int, bias: Optional[Tensor] = None) -> Tensor:
    \"\"\"Multiply with a block-diagonal matrix, whose blocks are one above the other in weight.\"\"\"
    parts = [v.unflatten(-1, [blocks, -1]), weight.unflatten(0, [blocks, -1])]
    product = torch.einsum("...bi,boi->...bo", parts).flatten(-2)
    return product if bias is None else product + bias


"""

SPREAD = """# Uniform gate initialisation (Gu et al. 2020): sigmoid(gates) is spread evenly over the units.
least = 1.0 / max(self.hidden_size, 2)
gates = torch.logit(torch.empty(self.hidden_size).uniform_(least, 1.0 - least))"""


def docstring(lines: Iterable[str]) -> str:
    """Return a string literal over several lines that holds `lines`, whatever they say."""
    safe = [escaped(line).replace("\\", "\\\\").replace('"""', '\\"\\"\\"').rstrip() for line in lines]
    return '"""' + "\n".join(safe) + '\n"""'


class ModuleSource:
    """The parts of a module that depend on the cell.

    Args:
        shown: The cell.
        named: Handles of values that get a variable besides those of the cell's lines.

    Attributes:
        tidy: The cell.
        cell: The same, as a graph.
        parameters: Names of what it learns.
        names: Variables by handle.
        class_name: Of the module.
        states: Variables of the states.
        following: Expressions of their next values.
    """

    def __init__(self, shown: Tidy, named: Iterable[int] = ()) -> None:
        self.tidy, self.cell = shown, shown.cell
        self.parameters = exported_names(shown)
        self.names = variables(shown, named)
        self.class_name = class_name(shown)
        self.states = [self.names[state.handle] for state in self.cell.state_nodes]
        self.following = [self._following(handle) for handle in self.cell.next]

    def filled(self, frame: str, fields: Mapping[str, str]) -> str:
        """Return a file beside this one with what stands in its places.

        Args:
            frame: The file's name.
            fields: Texts by their mark, but for those of class and weights.
        """
        found = {
            "CLASS": self.class_name,
            "BLOCKS": self.blocks(),
            "BIAS_CHECK": BIAS_CHECK if any(start for _, start in self.biases()) else "",
            "PARAMETERS": self.block(self.declarations()),
            "START": self.block(self.starts()),
            "STEP": self.block(self.step()),
            **fields,
        }
        text, weights = (FRAMES.joinpath(name).read_text(encoding="utf-8") for name in (frame, WEIGHTS))
        text = text.replace("        <WEIGHTS>\n", weights)
        for name in (name for name, value in found.items() if not value):
            text = re.sub(rf"^.*<{name}>\n", "", text, flags=re.MULTILINE)
        return re.sub(r"<([A-Z_]+)>", lambda match: found[match[1]], text)

    def documentation(self, about: str, scores: Scores | None, use: Iterable[str], end: str) -> list[str]:
        """Return the lines of the module's docstring.

        Args:
            about: What the module makes of the cell.
            scores: What a run found out about the cell.
            use: Python that uses it, line by line.
            end: What is said last.
        """
        equations = self.cell.text().splitlines()[len(self.cell.note) :]
        return [
            f"The recurrent cell {self.cell.name} {about}",
            "",
            *self.cell.note,
            *[""] * bool(self.cell.note),
            "Equations: a quote marks a state's next value, * is element-wise, every linear has a matrix of its own.",
            *[LIKE] * any(node.like is not None for node in self.cell.nodes),
            "",
            *(f"    {line}" for line in equations),
            "",
            f"{self.cell.id}: {polynomial(self.cell.polynomial)} parameters for an input as wide as the state (n).",
            *score_lines(scores),
            "",
            *(f"    {line}" for line in use),
            "",
            f"Written by archsearch {__version__}.{end}",
        ]

    def functions(self) -> list[str]:
        """Return what the step needs of torch.nn.functional; `linear` also serves the projection."""
        used = {node.op for node in self.cell.ops if OPS[node.op].torch.startswith(FUNCTIONAL)}
        return sorted({*used, *(["linear"] if self.cell.needs_projection else [])})

    def blocks(self) -> str:
        """Return the function that multiplies with block-diagonal matrices, where the cell has any."""
        return IN_BLOCKS if self.cell.width_step > 1 else ""

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
            size += f" // {node.heads}" if node.heads > 1 else ""
            if names.owns:
                yield f"self.{names.weight} = " + (f"matrix({size})" if node.op == "linear" else "vector()")
            if names.bias is not None:
                yield f"self.{names.bias} = vector() if bias else None"

    def starts(self) -> Iterator[str]:
        """Yield the statements that set parameters which do not start at random."""
        for handle, names in self.parameters.items():
            node = self.cell.node(handle)
            if node.op == "scale" and (start := scale_start(self.cell, node)) is not None:
                fill = "ones_(" if start == 1 else "constant_("
                yield f"nn.init.{fill}self.{names.weight}{'' if start == 1 else f', {number(start)}'})"
            if node.op == "linear" and names.owns and (diagonal := node.argument("diag")):
                blocks = f".unflatten(0, ({node.heads}, -1))" if node.heads > 1 else ""
                places = "dim1=1, dim2=2" if node.heads > 1 else ""
                yield f"self.{names.weight}{blocks}.diagonal({places}).add_({number(diagonal)})"
        starts = sorted({start for _, start in self.biases()})
        if any(abs(start) == UGI for start in starts):
            yield SPREAD
        for start in starts:
            same = [f"self.{name}" for name, its in self.biases() if its == start]
            yield wrapped(f"biases = {in_brackets(same)}")
            begin = f"nn.init.constant_(bias, {number(start)})"
            if abs(start) == UGI:
                begin = f"bias.copy_({'gates' if start > 0 else '-gates'})"
            yield f"for bias in biases:\n    if bias is not None:\n        {begin}"

    def step(self) -> Iterator[str]:
        """Yield the statements of one time step, one for every value that has a variable."""
        if self.cell.needs_projection:
            yield PROJECTED
        for node in self.cell.ops:
            if node.handle in self.names:
                yield self.assignment(node)

    def assignment(self, node: Node) -> str:
        """Return the statement that computes a value which has a name."""
        return wrapped(f"{self.names[node.handle]} = {self._expression(node)}")

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
        operands = [self.operand(node, position) for position in range(op.arity)]
        names = self.parameters.get(node.handle)
        bias = f"self.{names.bias}" if names and names.bias else "None"
        template = f"in_blocks({{0}}, {{w}}, {node.heads}, {{b}})" if node.heads > 1 else op.torch
        text = template.format(*operands, w=_weight(node, names) if names else "", b=bias)
        return ast.unparse(ast.parse(text.replace(FUNCTIONAL, "").replace(", None)", ")"), mode="eval"))

    def operand(self, node: Node, position: int) -> str:
        """Return the expression of an operand: its name, where it has one."""
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


def _weight(node: Node, names: Parameters) -> str:
    """Return the expression of what a node computes with; a transpose of blocks is each of them transposed."""
    weight = f"self.{names.weight}"
    if not node.transposed:
        return weight
    return (
        f"{weight}.unflatten(0, [{node.heads}, -1]).transpose(1, 2).flatten(0, 1)"
        if node.heads > 1
        else f"{weight}.t()"
    )


def in_brackets(items: list[str]) -> str:
    """Return a tuple of expressions."""
    return f"({', '.join(items)}{',' * (len(items) == 1)})"
