"""What the native engine has to compute and to move, counted from the cell's program and not measured.

Letters: B sequences, T steps, n units, V symbols; of the cell m linear maps, i of them of x. All numbers are of four bytes.

A multiply-add counts as two operations, and each map has one product on the way there and two on the way back:

    6·B·T·n²·m of a layer; a trial has its x once for each different symbol, R of them in a window, and an output layer:
    6·n²·(B·T·(m − i) + R·i) + 6·B·T·n·V

What moves, each once however often a step touches it, and where it must come from: the smallest level that holds its span,
all that is touched until it is wanted again. What the engine could save, such as to pack the weights, is not counted.

    weights there    T·f·n², f maps in the loop over time      span f·n² + B·n·w, w values on the tape for each unit and step
    weights back     T·b·n², b maps that pass gradients in it  span b·n² + B·n·w
    weights once     3·p·n², p matrices: read on both ways, and their gradients written
                     span 2·p·n²
    tape             B·T·n·v, v values that go in or out of it, as `_tape` counts them
                     span B·T·n·w
    input, output    B·T·n·2 + R·n·3: output, its gradient, x twice and its gradient (R = B·T in a layer)
                     span B·T·n·(w + 2) + R·n·2
    output layer     B·T·(6·V + 4·n) + 3·V·n: logits written, made probabilities, made gradients and read; h and its gradient
                     span B·T·(V + 2·n) + 2·V·n
    optimiser        8·P, P parameters: the gradient read for its norm; it, weights and moments read, the last three written
                     span 4·P
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from archsearch.bench.shapes import LayerShape
from archsearch.bench.subjects import product_flops
from archsearch.cell import Cell
from archsearch.compiler.program import X_AS_IT_CAME, Zone
from archsearch.compiler.program.kernels import Argument, Instruction, Kernel, Multiply
from archsearch.compiler.program.program import Program, program
from archsearch.protocol.units import matrix_parameters, model_parameters

NUMBER = 4
"""Bytes."""

Values = set[tuple[str, int]]
"""Arrays of the tape by name, with the columns of a wide one."""


class Traffic(msgspec.Struct, frozen=True):
    """What moves for one reason.

    Attributes:
        name: As in the table above.
        bytes: That move in one call.
        span: Bytes that are touched until the same ones are wanted again.
    """

    name: str
    bytes: int
    span: int


class CountedWork(msgspec.Struct, frozen=True):
    """What one call does.

    Attributes:
        flops: Operations of the matrix products.
        traffic: What moves.
    """

    flops: int
    traffic: tuple[Traffic, ...]

    @property
    def bytes(self) -> int:
        """All bytes that move."""
        return sum(one.bytes for one in self.traffic)


def layer_work(cell: Cell, shape: LayerShape, different: int | None = None) -> CountedWork:
    """Return the work of forward and backward of one layer, as wide as its x.

    Args:
        cell: The cell.
        shape: Batch, steps and width.
        different: Different rows of x, R; None if all are.
    """
    made = program(cell.canonical(), row_by_row=True)
    n, steps, rows = shape.width, shape.steps, shape.batch * shape.steps
    different = rows if different is None else different
    held = len(made.plan.accumulators) + len(made.plan.carried) + len(made.layout.kept)
    there, back = (_maps(made, zones[Zone.CORE]) * n * n for zones in (made.forward, made.backward))
    matrices, at_once = matrix_parameters(cell, n, 1), shape.batch * n * held
    return CountedWork(
        product_flops(cell, shape) - 6 * n * n * cell.input_linears * (rows - different),
        (
            _traffic("weights there", steps * there, there + at_once),
            _traffic("weights back", steps * back, back + at_once),
            _traffic("weights once", 3 * matrices, 2 * matrices),
            _traffic("tape", rows * n * _tape(made), rows * n * held),
            _traffic(
                "input, output", n * (2 * rows + 3 * different), n * (rows * (held + 2) + 2 * different)
            ),
        ),
    )


def trial_work(cell: Cell, shape: LayerShape, symbols: int, different: int) -> CountedWork:
    """Return the work of a training step with one layer.

    Args:
        cell: The cell.
        shape: Batch, steps and width.
        symbols: V, the size of the alphabet.
        different: R, of them in a window.
    """
    layer, n, rows = layer_work(cell, shape, different), shape.width, shape.batch * shape.steps
    parameters = model_parameters(cell, n, symbols, 1)
    head = rows * (6 * symbols + 4 * n) + 3 * symbols * n
    return CountedWork(
        layer.flops + 6 * rows * n * symbols,
        (
            *layer.traffic,
            _traffic("output layer", head, rows * (symbols + 2 * n) + 2 * symbols * n),
            _traffic("optimiser", 8 * parameters, 4 * parameters),
        ),
    )


def _traffic(name: str, numbers: int, span: int) -> Traffic:
    return Traffic(name, NUMBER * numbers, NUMBER * span)


def _maps(made: Program, instructions: Iterable[Instruction]) -> int:
    """Return how many matrices products read."""
    products = [made.plan.products[step.number] for step in instructions if isinstance(step, Multiply)]
    return sum(len(product.linears) for product in products)


def _tape(made: Program) -> int:
    """Return the values for each unit and step that go in or out of the tape.

    Each part of the way, before, in and after the loop, reads a value once unless it has just made it, and writes it once.
    A state is read on the way there from the step before, which is near. In the end the gradients of the matrices read those
    of their sums and what the products read, and that of x those of its sums.
    """
    plan = made.plan
    of_x = {
        ("P", position)
        for product in plan.products
        if product.source == X_AS_IT_CAME
        for position in range(product.first, product.first + len(product.linears))
    }
    states: Values = {(f"E{handle}", 0) for handle in plan.carried}
    begun, count = set(of_x), len(of_x)
    for zone, instructions in made.forward.items():
        read, written = _touched(made, instructions, begun)
        count += len(read - states if zone == Zone.CORE else read) + len(written)
        begun |= written
    for instructions in made.backward.values():
        count += sum(len(values) for values in _touched(made, instructions, begun))
    sources = {made.layout.source(product) for product in plan.products} - {Argument("X")}
    return count + len(plan.accumulators) - len(made.unreached) + len(sources) + len(of_x)


def _touched(made: Program, instructions: Iterable[Instruction], begun: Values) -> tuple[Values, Values]:
    """Return the values that a part of the way reads before it writes them, and those that it writes.

    Args:
        made: The program.
        instructions: Of the part.
        begun: The values that hold something before; a sum that holds nothing is not read.
    """
    read: Values = set()
    written: Values = set()
    for step in instructions:
        loads, stores = _of_product(made, step, begun) if isinstance(step, Multiply) else _of_kernel(step)
        read |= {*_on_tape(loads)} - written
        written |= {*_on_tape(stores)}
    return read, written


def _of_kernel(kernel: Kernel) -> tuple[list[Argument], list[Argument]]:
    loads, stores = (
        [kernel.argument(line) for line in kernel.lines if line.kind == kind] for kind in ("load", "store")
    )
    return loads, stores


def _of_product(made: Program, step: Multiply, begun: Values) -> tuple[list[Argument], list[Argument]]:
    product = made.plan.products[step.number]
    sums = range(product.first, product.first + len(product.linears))
    if step.into is not None:
        deltas = [Argument("D", position) for position in sums]
        return [*deltas, *([step.into] if step.adding else [])], [step.into]
    there = [Argument("P", position) for position in sums]
    return [
        made.layout.source(product),
        *(one for one in there if (one.array, one.accumulator) in begun),
    ], there


def _on_tape(arguments: Iterable[Argument]) -> Iterable[tuple[str, int]]:
    """Yield the values that have a row for every step and sequence, but x as it came."""
    for one in arguments:
        if one.when in ("row", "next") and not one.narrow and one.array != "X":
            yield one.array, one.accumulator
