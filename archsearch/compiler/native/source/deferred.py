"""Prints what waits for the end of the loop over time: the gradients of weights, biases and x, each one product."""

from __future__ import annotations

from archsearch.cell import Node
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
    begun: set[int] = set()
    for product in printer.plan.products:
        _matrices(printer, product, packed, begun)
    _biases(printer)


def _matrices(printer: Printer, product: Product, packed: set[str], begun: set[int]) -> None:
    """Print the gradients of a product's matrices.

    Args:
        printer: Where to.
        product: Whose.
        packed: The inputs that are ready.
        begun: Handles of the maps whose shared matrix has a part of its gradient.
    """
    deep, of_x = printer.deep(product), product.source == X_AS_IT_CAME
    name = "Ax" if of_x else f"A{product.source}"
    deltas, count = ("X", "few") if of_x else ("D", "rows")
    if name not in packed:
        source, stride = rows(printer.program.layout.source(product), core=False)
        array = printer.array(name, f"panels({deep}) * deepened(rows)")
        printer.say(f"gemm.pack({source}, {stride}, {count}, {deep}, {array});")
        packed.add(name)
    for position, linear in enumerate(product.linears, product.first):
        node = printer.cell.node(linear)
        into, delta = f"L->dw[{printer.weight(linear)}]", f"{deltas} + {position} * Hs"
        heads = node.heads
        whole = into if heads == 1 else f"M{linear}"
        left, right = f"gemm.run({delta}, 1, S, 1, {count}, 0, {name}", f"{deep}, H, {deep})"
        call = f"{left}, L->adding ? {whole} : 0, {deep}, {whole}, {right}"
        if node.like is not None:
            _shared(printer, node, (left, right), begun, position in printer.program.unreached)
        elif position in printer.program.unreached:
            printer.say(f"if ({into}) zero({into}, H * {deep}{f' / {heads}' if heads > 1 else ''});")
        elif heads == 1:
            printer.say(f"if ({into}) {call};")
        else:
            before = f"if (L->adding) whole_matrix({into}, H, {heads}, {whole});"
            printer.say(f"if ({into}) {{ {before} {call}; blocks_of({whole}, H, {heads}, {into}); }}")


def _shared(printer: Printer, node: Node, product: tuple[str, str], begun: set[int], unreached: bool) -> None:
    """Print what a map adds to the gradient of the matrix that it shares.

    Args:
        printer: Where to.
        node: The map.
        product: The call that multiplies, before and after it says where to begin and where the result goes.
        begun: Handles of the maps whose matrix has a part of its gradient; that of this one is added.
        unreached: Whether no gradient reaches the map.
    """
    into, (left, right) = f"L->dw[{printer.weight(node.handle)}]", product
    whole = into if node.heads == 1 else printer.array(f"M{node.owner}", "H * H")
    first = node.owner not in begun
    with printer.block(f"if ({into})"):
        if first and node.heads > 1:
            printer.say(f"if (L->adding) whole_matrix({into}, H, {node.heads}, {whole});")
        if first and (unreached or node.transposed):
            printer.say(f"if (!L->adding) zero({whole}, H * H);")
        if not unreached and node.transposed:
            part = printer.array(f"T{node.handle}", "H * H")
            printer.say(f"{left}, 0, 0, {part}, {right};", f"add_transposed({part}, H, {whole});")
        elif not unreached:
            start = f"L->adding ? {whole} : 0" if first else whole
            printer.say(f"{left}, {start}, H, {whole}, {right};")
        if node.heads > 1:
            printer.say(f"blocks_of({whole}, H, {node.heads}, {into});")
    begun.add(node.owner)


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
