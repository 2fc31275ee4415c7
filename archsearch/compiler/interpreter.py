"""The interpreter: computes a cell node by node with torch's functions. Oracle of all engines and fallback.

What depends on x alone is computed once for the whole sequence, the rest step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from archsearch.cell import Cell, Node
from archsearch.cell.graph import is_input_linear
from archsearch.compiler.blocks import whole_matrix
from archsearch.compiler.functions import torch_function
from archsearch.compiler.layer_function import LayerFunction
from archsearch.compiler.parameters import PROJECTION, bias_name, weight_name

TRANSPOSED = "'"
"""What stands behind the name of a weight for its transpose."""

Values = dict[str | int, Tensor]
"""Node values by handle, parameters by name."""


class _Call(NamedTuple):
    """One function call: where its value goes and what it reads."""

    function: Callable[..., Tensor]
    out: int
    sources: tuple[str | int, ...]


class Interpreter(LayerFunction):
    """A cell, made ready: two straight lines of calls, one for the sequence and one for every step.

    Attributes:
        cell: In canonical form.
        states: Handles of the states.
        numbers: Handle and value of each number.
        before: The calls over the whole sequence, for what depends on x and numbers alone.
        during: The calls of one step.
        crossing: Handles of the values that a step reads from the sequence.
        matrices: Names of the weights that a step multiplies with.
        heads: How many blocks those weights have that are block-diagonal, by their names.
        transposed: Names of the weights that something multiplies with the transpose of.
    """

    def __init__(self, cell: Cell) -> None:
        """Plan the calls for `cell`, which is in canonical form."""
        self.cell = cell
        self.states = tuple(node.handle for node in cell.state_nodes)
        self.numbers = tuple((node.handle, node.value) for node in cell.nodes if node.op == "number")
        timeless = _independent_of_states(cell)
        inside = [node for node in cell.ops if node.handle not in timeless]
        self.before = tuple(_over_sequence(cell, node) for node in cell.ops if node.handle in timeless)
        self.during = _over_step(cell, inside)
        read = {source for node in inside for source in node.inputs} | set(cell.next)
        self.crossing = tuple(sorted(read & timeless))
        self.matrices = tuple(dict.fromkeys(_weight(node) for node in inside if node.op == "linear"))
        self.heads = {
            weight_name(node.handle): node.heads for node in cell.ops if node.heads > 1 and node.owns
        }
        self.transposed = tuple({weight_name(node.owner): None for node in cell.ops if node.transposed})

    def __call__(
        self,
        weights: Mapping[str, Tensor],
        x: Tensor,
        states: tuple[Tensor, ...],
        reset: Tensor | None,
        wide: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run one layer over a sequence.

        Args:
            weights: The layer's parameters under the names of `parameters.learned`.
            x: Input, shape (T, B, I), T at least 1.
            states: The states in canonical order, each of shape (B, n).
            reset: Where states are zeroed before a step, bool, shape (T, B), or None.
            wide: x after its projection, shape (T, B, n), if that is known.

        Returns:
            The output of every step, shape (T, B, n), and the states after the last one.

        Raises:
            RuntimeError: What torch raises, with a note on the node that was being computed.
        """
        _check_devices((x, *states, *weights.values()))
        values = self._sequence(weights, x, states[0].shape[-1], wide)
        sequences = [(handle, values[handle].unbind(0)) for handle in self.crossing]
        for name in self.matrices:
            values[name] = values[name].t()
        resets = [False] * x.shape[0] if reset is None else reset.any(1).tolist()
        outputs = []
        for step, resets_here in enumerate(resets):
            if resets_here and reset is not None:
                where = reset[step].unsqueeze(-1)
                states = tuple(state.masked_fill(where, 0.0) for state in states)
            values.update(zip(self.states, states, strict=True))
            for handle, sequence in sequences:
                values[handle] = sequence[step]
            self._execute(self.during, values)
            states = tuple([values[handle] for handle in self.cell.next])
            outputs.append(states[0])
        return torch.stack(outputs), states

    def trace(
        self,
        weights: Mapping[str, Tensor],
        x: Tensor,
        states: tuple[Tensor, ...],
        handles: Collection[int],
    ) -> tuple[dict[int, Tensor], tuple[Tensor, ...]]:
        """Return the values of some nodes at every step, shape (T, B, n) each, and the states after the last one.

        Args:
            weights: As in a call.
            x: Input, shape (T, B, I), T at least 1.
            states: The states in canonical order, each of shape (B, n).
            handles: The nodes: of any kind but `linear`, which may be part of a sum.
        """
        _check_devices((x, *states, *weights.values()))
        values = self._sequence(weights, x, states[0].shape[-1], None)
        sequences = {handle: values[handle] for handle in (*self.crossing, *handles) if handle in values}
        for name in self.matrices:
            values[name] = values[name].t()
        traced: dict[int, list[Tensor]] = {handle: [] for handle in handles if handle not in sequences}
        for step in range(x.shape[0]):
            values.update(zip(self.states, states, strict=True))
            values.update((handle, sequences[handle][step]) for handle in self.crossing)
            self._execute(self.during, values)
            states = tuple([values[handle] for handle in self.cell.next])
            for handle, found in traced.items():
                found.append(values[handle])
        whole = {handle: sequences[handle] for handle in handles if handle in sequences}
        return whole | {handle: torch.stack(found) for handle, found in traced.items()}, states

    def _sequence(self, weights: Mapping[str, Tensor], x: Tensor, width: int, wide: Tensor | None) -> Values:
        """Return the parameters, and all values that no state enters, over the whole sequence."""
        values: Values = {name: weight for name, weight in weights.items()}
        values |= {name: whole_matrix(weights[name], heads) for name, heads in self.heads.items()}
        values |= {f"{name}{TRANSPOSED}": values[name].t() for name in self.transposed}
        values["x"] = x
        if wide is None:
            wide = functional.linear(x, weights[PROJECTION]) if PROJECTION in weights else x
        values[self.cell.x.handle] = wide
        for handle, number in self.numbers:
            values[handle] = x.new_full((), number).expand(*x.shape[:-1], width)
        self._execute(self.before, values)
        return values

    def _execute(self, calls: Sequence[_Call], values: Values) -> None:
        """Put the value of every call into `values`; an error gets a note on the node that it came from."""
        try:
            for call in calls:
                function, out, sources = call
                values[out] = function(*[values[source] for source in sources])
        except Exception as error:
            error.add_note(f"While executing {self._described(call, values)} of cell {self.cell.name!r}")
            raise

    def _described(self, call: _Call, values: Values) -> str:
        """Return a call in words: `r = sigmoid(n5: 2 x 4)`; names are the cell's own where it has one."""
        node = self.cell.node(call.out)
        operands = [
            f"{self._called(source)}: {' x '.join(map(str, values[source].shape))}" for source in call.sources
        ]
        return f"{self._called(call.out)} = {node.op}({', '.join(operands)})"

    def _called(self, source: str | int) -> str:
        return source if isinstance(source, str) else self.cell.node(source).name or f"n{source}"

    def __reduce__(self) -> tuple[type[Interpreter], tuple[Cell]]:
        """Pickle and copy as the cell that it is made of."""
        return type(self), (self.cell,)


def _check_devices(tensors: Iterable[Tensor]) -> None:
    """Refuse tensors on several devices: torch itself takes a `meta` matrix in a sum and returns whatever lay in memory."""
    devices = {tensor.device for tensor in tensors}
    if len(devices) > 1:
        words = " and ".join(sorted(map(str, devices)))
        raise RuntimeError(f"Expected all tensors to be on the same device, but found {words}")


def _independent_of_states(cell: Cell) -> set[int]:
    """Return the handles of the values that x and numbers decide alone."""
    timeless: set[int] = set()
    for node in cell.nodes:
        if node.op != "state" and timeless.issuperset(node.inputs):
            timeless.add(node.handle)
    return timeless


def _over_sequence(cell: Cell, node: Node) -> _Call:
    """Return the call for a node computed for all steps at once; a plain `linear(x)` reads x at its own size."""
    if node.op != "linear":
        return _elementwise(node)
    source: str | int = "x" if is_input_linear(node, cell.x.handle) else node.inputs[0]
    bias = (bias_name(node.handle),) if node.has_bias else ()
    return _Call(functional.linear, node.handle, (source, _weight(node), *bias))


def _over_step(cell: Cell, nodes: Sequence[Node]) -> tuple[_Call, ...]:
    """Return the calls of one step; a sum takes in a `linear` without bias that nothing else reads."""
    linears = {node.handle: node for node in nodes if node.op == "linear"}
    summed = {node.handle: _taken_in(cell, node, linears) for node in nodes if node.op == "add"}
    taken = {linear.handle for linear in summed.values() if linear is not None}
    calls = []
    for node in nodes:
        if (linear := summed.get(node.handle)) is not None:
            other = node.inputs[0] if node.inputs[1] == linear.handle else node.inputs[1]
            operands = (other, linear.inputs[0], _weight(linear))
            calls.append(_Call(torch.addmm, node.handle, operands))
        elif node.op != "linear":
            calls.append(_elementwise(node))
        elif node.handle not in taken:
            calls.append(_matrix(node))
    return tuple(calls)


def _taken_in(cell: Cell, add: Node, linears: Mapping[int, Node]) -> Node | None:
    """Return the `linear` that becomes part of a sum, if one does."""
    for source in add.inputs:
        alone = len(cell.consumers[source]) == 1 and source not in cell.next
        if source in linears and alone and not linears[source].has_bias:
            return linears[source]
    return None


def _weight(node: Node) -> str:
    """Return the name of the weight that a node computes with."""
    return weight_name(node.owner) + TRANSPOSED * node.transposed


def _matrix(node: Node) -> _Call:
    """Return the call for a `linear` within a step; its weight has been transposed."""
    operands = (node.inputs[0], _weight(node))
    if node.has_bias:
        return _Call(torch.addmm, node.handle, (bias_name(node.handle), *operands))
    return _Call(torch.mm, node.handle, operands)


def _elementwise(node: Node) -> _Call:
    weight = (_weight(node),) if node.learns else ()
    return _Call(torch_function(node.op), node.handle, (*weight, *node.inputs))
