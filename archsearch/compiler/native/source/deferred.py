"""Prints what waits for the end of the loop over time: the gradients of weights, biases and x, each one product."""

from __future__ import annotations

from archsearch.compiler.native.source.address import rows
from archsearch.compiler.native.source.printer import Printer
from archsearch.compiler.parameters import bias_name
from archsearch.compiler.program import X_AS_IT_CAME, Product


def print_weight_gradients(printer: Printer) -> None:
    """Print dW = δᵀ·a of every linear with K = all rows, and the sums of δ."""
    printer.say(
        f"real* X = L->index ? {printer.array('G', 'rows * S')} : D;",
        "if (L->index) add_up(D, L->index, G, S, rows, few);",
    )
    packed: set[str] = set()
    for product in printer.plan.products:
        _matrices(printer, product, packed)
    _biases(printer)


def _matrices(printer: Printer, product: Product, packed: set[str]) -> None:
    """Print the gradients of a product's matrices, of which `packed` inputs are ready."""
    deep, of_x = printer.deep(product), product.source == X_AS_IT_CAME
    name = "Ax" if of_x else f"A{product.source}"
    deltas, count = ("X", "few") if of_x else ("D", "rows")
    if name not in packed:
        source, stride = rows(printer.program.layout.source(product), core=False)
        array = printer.array(name, f"panels({deep}) * rows")
        printer.say(f"gemm.pack({source}, {stride}, {count}, {deep}, {array});")
        packed.add(name)
    for position, linear in enumerate(product.linears, product.first):
        into, delta = f"L->dw[{printer.weight(linear)}]", f"{deltas} + {position} * Hs"
        heads = printer.cell.node(linear).heads
        whole = into if heads == 1 else f"M{linear}"
        start = f"L->adding ? {whole} : 0, {deep}"
        call = f"gemm.run({delta}, 1, S, 1, {count}, 0, {name}, {start}, {whole}, {deep}, H, {deep})"
        if position in printer.program.unreached:
            printer.say(f"if ({into}) zero({into}, H * {deep}{f' / {heads}' if heads > 1 else ''});")
        elif heads == 1:
            printer.say(f"if ({into}) {call};")
        else:
            before = f"if (L->adding) whole_matrix({into}, H, {heads}, {whole});"
            printer.say(f"if ({into}) {{ {before} {call}; blocks_of({whole}, H, {heads}, {into}); }}")


def _biases(printer: Printer) -> None:
    for position, accumulator in enumerate(printer.plan.accumulators):
        biases = [printer.parameter.get(bias_name(linear)) for linear in accumulator.linears]
        targets = [f"L->dw[{bias}]" for bias in biases if bias is not None]
        if targets:
            with printer.block(f"if ({' || '.join(targets)})"):
                *others, last = targets
                before = "".join(f"{into} ? {into} : " for into in others) + last
                printer.say(f"spread(L->adding ? {before} : 0, H, {printer.array('bias', 'Hs')}, Hs, 1);")
                printer.say(f"sum_rows(X + {position} * Hs, S, few, bias, Hs);")
                printer.say(*(f"if ({into}) memcpy({into}, bias, H * sizeof(real));" for into in targets))


def print_input_gradients(printer: Printer) -> None:
    """Print the gradient of x, from the products that read it, and of x as wide as the layer."""
    start = "0, 0"
    for number, product in enumerate(printer.plan.products):
        if product.source == X_AS_IT_CAME:
            left = f"X + {product.first} * Hs, S, 1, {len(product.linears)}, H, Hs"
            printer.say(f"if (L->dx) gemm.run({left}, W{number}, {start}, L->dx, I, few, I);")
            start = "L->dx, I"
    if start == "0, 0":
        printer.say("if (L->dx) zero(L->dx, few * I);")
    if printer.cell.needs_projection:
        gradient = f"GR{printer.cell.x.handle}"
        written = gradient in printer.program.written
        call = f"gather({gradient}, Hs, L->dxr, H, rows)" if written else "zero(L->dxr, rows * H)"
        printer.say(f"if (L->dxr) {call};")
