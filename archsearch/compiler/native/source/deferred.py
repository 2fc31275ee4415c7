"""Prints what waits for the end of the loop over time: the gradients of weights, biases and x, each one product."""

from __future__ import annotations

from archsearch.compiler.native.source.printer import Printer
from archsearch.compiler.parameters import bias_name
from archsearch.compiler.program import X_AS_IT_CAME


def weights(printer: Printer, unreached: set[int]) -> None:
    """Print dW = δᵀ·a of every linear with K = all rows, the sums of δ, and the learned vectors.

    Args:
        printer: Where to.
        unreached: Accumulators whose linear maps no gradient reaches.
    """
    plan, layout = printer.plan, printer.layout
    packed: set[int] = set()
    printer.say(
        f"real* X = L->index ? {printer.array('G', 'rows * S')} : D;",
        "if (L->index) add_up(D, L->index, G, S, rows, few);",
    )
    for product in plan.products:
        array, stride, wide = layout.source(product)
        name = "Ax" if product.source == X_AS_IT_CAME else f"A{product.source}"
        deltas, rows = ("X", "few") if product.source == X_AS_IT_CAME else ("D", "rows")
        if product.source not in packed:
            printer.say(
                f"gemm.pack({array}, {stride}, {rows}, {wide}, {printer.array(name, f'panels({wide}) * rows')});"
            )
            packed.add(product.source)
        for accumulator, linear in enumerate(product.linears, product.first):
            into, delta = f"L->dw[{layout.weight(linear)}]", f"{deltas} + {accumulator} * Hs"
            call = f"gemm.run({delta}, 1, S, 1, {rows}, 0, {name}, 0, 0, {into}, {wide}, H, {wide})"
            printer.say(f"if ({into}) {f'zero({into}, H * {wide})' if accumulator in unreached else call};")
    _biases(printer)
    for node in printer.cell.ops:
        if node.op == "scale":
            into = f"L->dw[{layout.weight(node.handle)}]"
            printer.say(f"if ({into}) memcpy({into}, Q{node.handle}, H * sizeof(real));")


def _biases(printer: Printer) -> None:
    for position, accumulator in enumerate(printer.plan.accumulators):
        found = [printer.layout.parameter.get(bias_name(linear)) for linear in accumulator.linears]
        wanted = [f"L->dw[{bias}]" for bias in found if bias is not None]
        if wanted:
            with printer.block(f"if ({' || '.join(wanted)})"):
                printer.say(f"sum_rows(X + {position} * Hs, S, few, {printer.array('bias', 'Hs')}, Hs);")
                printer.say(*(f"if ({into}) memcpy({into}, bias, H * sizeof(real));" for into in wanted))


def inputs(printer: Printer, written: bool) -> None:
    """Print the gradient of x, from the products that read it, and of x as wide as the layer.

    Args:
        printer: Where to.
        written: Whether anything was passed to x as wide as the layer.
    """
    start = "0, 0"
    for number, product in enumerate(printer.plan.products):
        if product.source == X_AS_IT_CAME:
            count, delta = len(product.linears), f"X + {product.first} * Hs"
            call = f"gemm.run({delta}, S, 1, {count}, H, Hs, W{number}, {start}, L->dx, I, few, I);"
            printer.say(f"if (L->dx) {call}")
            start = "L->dx, I"
    if start == "0, 0":
        printer.say("if (L->dx) zero(L->dx, few * I);")
    if printer.layout.reads_x:
        given = "gather(GR0, Hs, L->dxr, H, rows)" if written else "zero(L->dxr, rows * H)"
        printer.say(f"if (L->dxr) {given};")
