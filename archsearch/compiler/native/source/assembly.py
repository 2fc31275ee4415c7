"""Puts the source of a cell together: sizes, forward, backward."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from archsearch.cell import Cell
from archsearch.compiler.native.source.backward import BackwardPrinter
from archsearch.compiler.native.source.forward import ForwardPrinter
from archsearch.compiler.native.source.printer import Printer
from archsearch.compiler.program import ProgramPlan
from archsearch.compiler.program.program import Program, program


@lru_cache(64)
def source(cell: Cell) -> str:
    """Return the C++ of a cell in canonical form; it includes `layer.h`. A worker asks for it trial after trial."""
    printed = program(cell, row_by_row=True)
    forward, backward, tape = ForwardPrinter(printed), BackwardPrinter(printed), _arrays(printed)
    for name in [name for name in tape if name not in {*printed.read_back, "P"}]:
        forward.array(name, tape.pop(name))
    forward.print()
    backward.print()
    lines = [
        *_equations(printed.plan),
        '#include "layer.h"',
        "",
        *_size("tape_size", printed.plan, tape),
        *_size("forward_size", printed.plan, forward.work),
        *_size("backward_size", printed.plan, backward.work),
        'extern "C" long work_size(long T, long B, long H, long I) {',
        "  return longer(forward_size(T, B, H, I), backward_size(T, B, H, I));",
        "}",
        "",
        *_function("forward", forward, tape),
        *_function("backward", backward, tape),
    ]
    return "\n".join(lines)


def _equations(plan: ProgramPlan) -> Iterator[str]:
    """Yield the cell as comments: `n7 = sigmoid(n5)   core 1`."""
    for node in plan.cell.ops:
        operands = ", ".join(f"n{source}" for source in node.inputs)
        place = plan.place[node.handle]
        yield f"// n{node.handle} = {node.op}({operands})   {place.zone.name.lower()} {place.level}"


def _arrays(program: Program) -> dict[str, str]:
    """Return the arrays of the way there, with their sizes; those that the way back reads live until then."""
    arrays = {"P": "rows * S"}
    arrays |= {f"E{state}": "(rows + B) * Hs" for state in program.plan.carried}
    arrays |= {f"K{handle}": "rows * Hs" for handle in program.layout.kept}
    arrays |= {f"R{node.handle}": "rows" for node in program.cell.ops if node.op == "norm"}
    return arrays | ({"XR": "rows * Hs"} if program.cell.needs_projection else {})


def _sizes(plan: ProgramPlan) -> str:
    return f"const long rows = T * B, Hs = whole(H), S = apart({len(plan.accumulators)} * Hs);"


def _size(name: str, plan: ProgramPlan, arrays: dict[str, str]) -> list[str]:
    total = " + ".join(f"room({size})" for size in arrays.values()) or "0"
    return [
        f'extern "C" long {name}(long T, long B, long H, long I) {{',
        f"  {_sizes(plan)}",
        f"  return {total};",
        "}",
        "",
    ]


def _function(name: str, body: Printer, tape: dict[str, str]) -> list[str]:
    taken = [f"  real* {array} = take(tape, {size});" for array, size in tape.items()]
    taken += [f"  real* {array} = take(work, {size});" for array, size in body.work.items()]
    return [
        f'extern "C" void {name}(const Layer* L) {{',
        "  const long T = L->T, B = L->B, H = L->H, I = L->I;",
        f"  {_sizes(body.plan)}",
        "  const long few = L->index ? L->different : rows;",
        "  const Gemm& gemm = *L->gemm;",
        "  const real* const* w = L->w;",
        "  real *tape = L->tape, *work = L->work;",
        *taken,
        *body.lines,
        "}",
        "",
    ]
