"""A cell as one file of C99: no memory is asked for, nothing but math.h is included, one function takes one step.

Trained weights become constant arrays; without them the caller fills a table of pointers. Expressions are those of
`OPS`, whose rules are C, on one unit after the other; what a matrix, `norm` or `mean` reads gets an array of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from archsearch import __version__
from archsearch.cell import OPS, Cell, Node
from archsearch.cell.graph import is_input_linear
from archsearch.cell.node import LEAVES
from archsearch.cell.ops import PRECEDENCE
from archsearch.errors import InputError
from archsearch.exporters.c_ends import ends_in_c
from archsearch.exporters.c_functions import AVERAGE, DOT, DOWN, FUNCTIONS, ROOT
from archsearch.exporters.c_numbers import numbers_in_c
from archsearch.exporters.model import SizedModel
from archsearch.exporters.module_names import exported_names
from archsearch.exporters.scores import Scores, score_lines
from archsearch.exporters.tidy import tidy
from archsearch.words import escaped, polynomial

FRAME = Path(__file__).with_name("cell.c.txt")

KEPT = re.compile(
    r"[A-Z_].*|auto|break|case|char|const|continue|default|do|double|else|enum|extern|float|for|goto|if|inline|int|long"
    r"|register|restrict|return|short|signed|sizeof|static|struct|switch|typedef|union|unsigned|void|volatile"
    r"|and|asm|bool|catch|class|compl|delete|export|false|friend|main|new|not|operator|or|private|protected|public"
    r"|this|throw|true|try|using|virtual|wchar_t|xor|linux|unix|i386|j[01n]|y[01n]|weights|columns|state|layer|input|i|x"
)
"""Names of a cell that mean something in C, in C++ or in the frame."""


def to_c(cell: Cell, scores: Scores | None = None, model: SizedModel | None = None) -> str:
    """Return C99 that takes one time step of a cell.

    Args:
        cell: The cell.
        scores: What a run found out about it.
        model: Sizes and weights; None for the usual sizes, and weights that the caller gives.

    Raises:
        InputError: The model reads backwards or batch first, and C takes single steps.
    """
    model = model or SizedModel()
    if model.bidirectional:
        raise InputError("a bidirectional layer has no single steps, so it cannot be written in C")
    if model.batch_first:
        raise InputError(
            "C takes single steps, which have no order of batch and time: leave out --batch-first"
        )
    source = _Source(cell, model)
    text = FRAME.read_text(encoding="utf-8") + (ends_in_c(model.ends) if model.ends else "")
    for name, value in source.fields().items():
        text = text.replace(f"<{name}>", value)
    text = text.replace("<UPPER>", source.name.upper()).replace("<NAME>", source.name)
    comment = "\n".join(f" * {_comment(line)}".rstrip() for line in source.documentation(scores))
    return text.replace("<DOC>", comment)  # at last, as it holds what people wrote


class _Source:
    """The parts of the file that depend on the cell.

    Attributes:
        tidy: The cell.
        cell: The same, as a graph.
        model: Sizes and weights.
        name: How all names of the file begin.
        parameters: Names of what it learns.
        names: Arrays by handle.
        calls: Functions that the step has called so far.
    """

    def __init__(self, cell: Cell, model: SizedModel) -> None:
        self.tidy = tidy(cell)
        self.cell, self.model = self.tidy.cell, model
        self.name = c_name(self.cell)
        self.parameters = exported_names(self.tidy)
        self.calls: set[str] = set()
        self.names = {self.cell.x.handle: "x_wide" if self.cell.needs_projection else "x"}
        for place, node in enumerate(self.cell.nodes):
            if node.op == "state" or node.handle in self.arrays:
                self.names[node.handle] = self._free(self.tidy.targets.get(node.handle) or node.name, place)

    def fields(self) -> dict[str, str]:
        """Return what stands in the frame's places."""
        states = [self.names[state.handle] for state in self.cell.state_nodes]
        step = "\n".join(self.step())
        fields = {
            "INPUT_SIZE": str(self.model.input_size),
            "HIDDEN_SIZE": str(self.model.hidden_size),
            "LAYERS": str(self.model.num_layers),
            "MEMBERS": "\n".join(f"    const <NAME>_real *{name};" for name in self.members() or ["none"]),
            "STATES": "\n".join(f"    <NAME>_real {s}[<UPPER>_LAYERS][<UPPER>_HIDDEN_SIZE];" for s in states),
            "OUTPUT": states[0],
            "GIVEN": "" if self.model.weights else "const <NAME>_weights *weights, ",
            "PARAMETERS": "".join(f", <NAME>_real *{state}" for state in states),
            "ARGUMENTS": "".join(f", state->{state}[layer]" for state in states),
            "TABLE": "<NAME>_trained" if self.model.weights else "weights",
            "LOCALS": "\n".join(self.locals(step)),
            "STEP": step,
            "RESET": "\n".join(f"            state->{state}[layer][i] = 0;" for state in states),
            "WEIGHTS": "".join(self.weights()),
        }
        return {"FUNCTIONS": "\n".join([*self.functions(), ""]), **fields}

    @property
    def arrays(self) -> dict[int, None]:
        """Handles of the values that have an array: lines, what matrices, norms and means read, and next values."""
        cell = self.cell
        wanted = {node.handle for node in self.tidy.lines if node.op != "number"}
        wanted |= {node.inputs[0] for node in cell.ops if _over_row(node) or node.op == "linear"} | set(
            cell.next
        )
        return {n.handle: None for n in cell.nodes if n.handle in wanted and n.op not in ("input", "state")}

    def documentation(self, scores: Scores | None) -> list[str]:
        """Return the lines of the comment at the top."""
        weights = "" if self.model.weights else "weights, "
        return [
            f"The recurrent cell {self.cell.name} in C99. Needs math.h (-lm), and memory on the stack for "
            f"{len(self.arrays)} arrays of a state's width.",
            "",
            *self.cell.note,
            *[""] * bool(self.cell.note),
            *(f"    {line}" for line in self.cell.text().splitlines()[len(self.cell.note) :]),
            "",
            f"{self.cell.id}: {polynomial(self.cell.polynomial)} parameters for an input as wide as the state (n).",
            *score_lines(scores),
            "",
            "Include it in one source file:",
            "",
            f"    static {self.name}_state state;",
            f"    {self.name}_reset(&state);",
            f"    {self.name}_step({weights}x, &state);" if self.model.ends is None else self._predict(),
            "",
            f"-D{self.name.upper()}_DOUBLE makes float double. Written by archsearch {__version__}.",
        ]

    def _predict(self) -> str:
        ends = self.model.ends
        given = "inputs" if ends and ends.inputs else "symbol"
        return f"    {self.name}_predict({given}, &state, outputs);"

    def members(self) -> list[str]:
        """Return the names of what a layer learns."""
        names = ["P"] * self.cell.needs_projection
        for parameter in self.parameters.values():
            names += [name for name in parameter.own if name != parameter.bias or self.model.bias]
        return names

    def functions(self) -> Iterator[str]:
        """Yield the functions that the step calls."""
        for name, (given, result) in FUNCTIONS.items():
            if name in self.calls:
                head = ", ".join(f"<NAME>_real {letter}" for letter in given)
                yield f"static <NAME>_real <NAME>_{name}({head})\n{{\n    return {result};\n}}\n"
        if "dot" in self.calls:
            yield DOT
        if "down" in self.calls:
            yield DOWN
        if "root" in self.calls:
            yield ROOT
        if "average" in self.calls:
            yield AVERAGE

    def locals(self, step: str) -> Iterator[str]:
        """Yield the declarations of a step, and what keeps a compiler quiet about what it does not read."""
        arrays = [*(self.names[handle] for handle in self.arrays), *self.held.values()]
        for array in arrays:
            yield f"    <NAME>_real {array}[<UPPER>_HIDDEN_SIZE];"
        for node in self.cell.ops:
            if kind := _over_row(node):
                yield f"    <NAME>_real {kind}_{node.handle};"
        if self.cell.needs_projection:
            yield "    <NAME>_real projected[<UPPER>_HIDDEN_SIZE];"
            yield "    const <NAME>_real *x_wide = x;"
        for name in ("weights", "x", "columns"):
            if not re.search(rf"\b{name}\b", step) and not (name == "x" and self.cell.needs_projection):
                yield f"    (void){name};"

    def step(self) -> Iterator[str]:
        """Yield the statements of one time step."""
        if self.cell.needs_projection:
            self.calls.add("dot")
            yield "    if (columns != <UPPER>_HIDDEN_SIZE) { /* makes x as wide as the state */"
            yield from _loop("projected[i] = <NAME>_dot(weights->P + i * columns, x, columns);", 8)
            yield "        x_wide = projected;\n    }"
        for handle in self.arrays:
            node = self.cell.node(handle)
            for reducing in self._reducing(node, top=True):
                kind = _over_row(reducing)
                self.calls.add(kind)
                yield f"    {kind}_{reducing.handle} = <NAME>_{kind}({self.names[reducing.inputs[0]]});"
            yield from _loop(f"{self.names[handle]}[i] = {self._expression(node)};", 4)
        for held, name in self.held.items():
            yield from _loop(f"{name}[i] = {self.names[held]}[i];", 4)
        for state, target in zip(self.cell.state_nodes, self.cell.next, strict=True):
            if state.handle != target:
                source = self.held.get(target, self.names[target])
                yield from _loop(f"{self.names[state.handle]}[i] = {source}[i];", 4)

    @property
    def held(self) -> dict[int, str]:
        """States that become the next value of another one, with the arrays that hold them meanwhile."""
        states = {state.handle for state in self.cell.state_nodes}
        pairs = zip(self.cell.state_nodes, self.cell.next, strict=True)
        moved = sorted({target for state, target in pairs if target in states and target != state.handle})
        return {handle: f"held_{self.names[handle]}" for handle in moved}

    def _reducing(self, node: Node, top: bool = False) -> Iterator[Node]:
        """Yield the nodes in the expression of a value that need a whole row."""
        if node.op in LEAVES or (not top and node.handle in self.arrays):
            return
        for source in node.inputs:
            yield from self._reducing(self.cell.node(source))
        if _over_row(node):
            yield node

    def _expression(self, node: Node) -> str:
        """Return unit i of a value, computed from arrays."""
        if node.op == "number":
            return _real(node.value)
        names = self.parameters.get(node.handle)
        if node.op == "linear":
            assert names is not None
            source = self.cell.node(node.inputs[0])
            alone = is_input_linear(node, self.cell.x.handle)
            columns, read = ("columns", "x") if alone else ("<UPPER>_HIDDEN_SIZE", self.names[source.handle])
            bias = f"weights->{names.bias}[i] + " if names.bias and self.model.bias else ""
            if node.heads > 1:
                columns = f"({columns} / {node.heads})"
                read = f"{read} + i / {columns} * {columns}"
            if node.transposed:
                self.calls.add("down")
                first = "i" if node.heads == 1 else f"i / {columns} * {columns} * {columns} + i % {columns}"
                return f"{bias}<NAME>_down(weights->{names.weight} + {first}, {read}, {columns})"
            self.calls.add("dot")
            return f"{bias}<NAME>_dot(weights->{names.weight} + i * {columns}, {read}, {columns})"
        rule = OPS[node.op].rule
        operands = [self._operand(node, position) for position in range(len(node.inputs))]
        weight = f"weights->{names.weight}[i]" if names else ""
        text = rule.forward.format(
            *operands, w=weight, root=f"root_{node.handle}", average=f"average_{node.handle}"
        )
        if rule.function is None:
            return text
        self.calls.add(rule.function)
        return f"<NAME>_{text}"

    def _operand(self, node: Node, position: int) -> str:
        source = self.cell.node(node.inputs[position])
        if source.handle in self.names:
            return f"{self.names[source.handle]}[i]"
        text = self._expression(source)
        if source.op == "number" or OPS[node.op].rule.function is not None:
            return text
        ours, theirs = (
            PRECEDENCE.get(node.op, 3),
            PRECEDENCE.get(source.op, 2 if source.op != "linear" else 1),
        )
        called = OPS[source.op].elementwise is not None and OPS[source.op].rule.function is not None
        return text if called or theirs > ours or (theirs == ours and position == 0) else f"({text})"

    def _free(self, name: str | None, place: int) -> str:
        """Return the name in C of a value: its own where nothing else has it."""
        wanted = (name or f"t{place}").replace("'", "_next")
        if KEPT.fullmatch(wanted) or wanted.startswith(
            (f"{self.name}_", "root_", "average_", "held_", "projected", "x_wide")
        ):
            wanted = f"v_{wanted.strip('_')}"
        taken = {"x", *self.names.values()}
        return next(
            choice
            for choice in [wanted, *(f"{wanted}_{count}" for count in range(2, len(taken) + 3))]
            if choice not in taken
        )

    def weights(self) -> Iterator[str]:
        """Yield the trained weights as constant arrays, and the table of them."""
        if not self.model.weights:
            return
        rows = []
        for level in range(self.model.num_layers):
            row = []
            for member in self.members():
                array = self.model.weights.get(f"layers.{level}.{member}")
                if array is None:
                    row.append("0")
                    continue
                row.append(f"<NAME>_{member}_{level}")
                yield f"static const <NAME>_real {row[-1]}[{array.size}] = {{\n{numbers_in_c(array)}\n}};\n\n"
            rows.append(f"    {{{', '.join(row or ['0'])}}}")
        yield (
            "static const <NAME>_weights <NAME>_trained[<UPPER>_LAYERS] = {\n" + ",\n".join(rows) + "\n};\n\n"
        )


def c_name(cell: Cell) -> str:
    """Return how the names of a cell's file begin: its name in small letters."""
    name = tidy(cell).cell.name.strip("_").lower()
    return name if name[:1].isalpha() else f"cell_{name}"


def _over_row(node: Node) -> str:
    """Return which number of its operand's row a node needs, `root` or `average`; nothing if none."""
    rule = OPS[node.op].elementwise
    if rule is None or not rule.reduces:
        return ""
    return "root" if "{root}" in rule.forward else "average"


def _loop(statement: str, indent: int) -> list[str]:
    space = " " * indent
    return [
        f"{space}for (i = 0; i < <UPPER>_HIDDEN_SIZE; i++) {{",
        f"{space}    {statement}",
        f"{space}}}",
    ]


def _real(value: float) -> str:
    return f"(<NAME>_real){value!r}" if value >= 0 else f"(-(<NAME>_real){-value!r})"


def _comment(line: str) -> str:
    """Return a line that neither ends a comment nor begins one, nor holds a trigraph."""
    return re.sub(r"\?(?=\?)", "? ", escaped(line).replace("*/", "* /").replace("/*", "/ *"))
