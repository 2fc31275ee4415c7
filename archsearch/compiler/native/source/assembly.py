"""Puts the source of a cell together: sizes, forward, backward."""

from __future__ import annotations

from collections.abc import Iterator

from archsearch.cell import Cell
from archsearch.compiler.native.source.backward import Backward
from archsearch.compiler.native.source.forward import Forward
from archsearch.compiler.native.source.layout import Layout
from archsearch.compiler.native.source.printer import Printer
from archsearch.compiler.parameters import parameter_names
from archsearch.compiler.program import Plan, plan

__all__ = ["parameter_names", "source"]


def source(cell: Cell) -> str:
    """Return the C++ of a cell in canonical form; it includes `layer.h`."""
    planned = plan(cell)
    layout = Layout(planned)
    forward, backward = Forward(layout), Backward(layout)
    forward.print()
    backward.print()
    lines = [
        *_equations(planned),
        '#include "layer.h"',
        "",
        *_size("tape_size", planned, layout.tape()),
        *_size("forward_size", planned, forward.work),
        *_size("backward_size", planned, backward.work),
        'extern "C" long work_size(long T, long B, long H, long I) {',
        "  return longer(forward_size(T, B, H, I), backward_size(T, B, H, I));",
        "}",
        "",
        *_function("forward", layout, forward),
        *_function("backward", layout, backward),
    ]
    return "\n".join(lines)


def _equations(of: Plan) -> Iterator[str]:
    """Yield the cell as comments: `n7 = sigmoid(n5)   core 1`."""
    for node in of.cell.ops:
        operands = ", ".join(f"n{source}" for source in node.inputs)
        place = of.place[node.handle]
        yield f"// n{node.handle} = {node.op}({operands})   {place.zone.name.lower()} {place.level}"


def _sizes(of: Plan) -> str:
    return f"const long rows = T * B, Hs = whole(H), S = apart({len(of.accumulators)} * Hs);"


def _size(name: str, of: Plan, arrays: dict[str, str]) -> list[str]:
    total = " + ".join(f"room({size})" for size in arrays.values()) or "0"
    return [
        f'extern "C" long {name}(long T, long B, long H, long I) {{',
        f"  {_sizes(of)}",
        f"  return {total};",
        "}",
        "",
    ]


def _function(name: str, layout: Layout, body: Printer) -> list[str]:
    taken = [f"  real* {array} = take(tape, {size});" for array, size in layout.tape().items()]
    taken += [f"  real* {array} = take(work, {size});" for array, size in body.work.items()]
    return [
        f'extern "C" void {name}(const Layer* L) {{',
        "  const long T = L->T, B = L->B, H = L->H, I = L->I;",
        f"  {_sizes(layout.plan)}",
        "  const long few = L->index ? L->different : rows;",
        "  const Gemm& gemm = *L->gemm;",
        "  const real* const* w = L->w;",
        "  real *tape = L->tape, *work = L->work;",
        *taken,
        *body.lines,
        "}",
        "",
    ]
