"""Kernels as C++: one loop over a row, a second one after a sum over it, activations in loops of their own."""

from archsearch.cell import Cell, library
from archsearch.compiler.native.source.cpp_dialect import printed
from archsearch.compiler.program import Zone
from archsearch.compiler.program.kernels import Argument, Kernel
from archsearch.compiler.program.program import Program, program
from archsearch.compiler.program.writer import KernelWriter

NORMED = "cell normed(x, h):\n    h' = norm(tanh(linear(x) + linear(h)))\n"


def written(cell: str) -> Program:
    return program(Cell.parse(cell).canonical(), row_by_row=True)


def kernels(of: Program, backward: bool = False) -> list[Kernel]:
    core = (of.backward if backward else of.forward)[Zone.CORE]
    return [instruction for instruction in core if isinstance(instruction, Kernel)]


def lines(of: Program, kernel: Kernel) -> list[str]:
    return [line.strip() for line in printed(kernel, of.cell, core=True).lines]


def loops(text: list[str]) -> int:
    return sum("long j = 0" in line for line in text)


def test_a_kernel_is_a_loop_over_rows_around_one_over_vectors() -> None:
    of = written("cell plain(x, h):\n    h' = tanh(linear(x) + linear(h))\n")
    (kernel,) = kernels(of)
    assert lines(of, kernel)[:3] == [
        "for (long b = 0; b < B; b++) {",
        "const long r = t * B + b;",
        "for (long j = 0; j < Hs; j += W) {",
    ]
    assert printed(kernel, of.cell, core=False).lines[0] == "for (long r = 0; r < rows; r++) {"


def test_a_root_is_known_before_the_loop_that_reads_it() -> None:
    of = written(NORMED)
    _, norm = kernels(of)
    text = lines(of, norm)
    assert loops(text) == 1
    (root,) = [number for number, line in enumerate(text) if "inverse_root" in line]
    assert root < next(number for number, line in enumerate(text) if "long j" in line)


def test_a_mean_waits_for_the_end_of_the_row() -> None:
    of = written(NORMED)
    norm, _ = kernels(of, backward=True)
    text = printed(norm, of.cell, core=True)
    assert loops([line.strip() for line in text.lines]) == 2
    assert len(text.scratch) == 1 and any(
        f"dot({name}, " in line for line in text.lines for name in text.scratch
    )


def test_two_activations_in_a_chain_are_in_loops_of_their_own() -> None:
    lstm = program(library.load("lstm").canonical(), row_by_row=True)
    (kernel,) = kernels(lstm)
    text = lines(lstm, kernel)
    assert any("3 * Hs" in line for line in text if "long j" in line) and loops(text) == 3


def test_activations_that_nothing_dear_follows_on_stay_in_one_loop() -> None:
    gru = program(library.load("gru").canonical(), row_by_row=True)
    assert [loops(lines(gru, kernel)) for kernel in kernels(gru)] == [1, 1]


def test_what_was_loaded_is_not_stored_where_it_lay() -> None:
    writer = KernelWriter("idle")
    writer.store(Argument("P", 1), writer.load("v1", Argument("P", 1)))
    (kernel,) = finished(writer)
    assert not printed(kernel, library.load("gru").canonical(), core=False).lines


def finished(writer: KernelWriter) -> list[Kernel]:
    instructions: list[Kernel] = []
    writer.finish(instructions)  # type: ignore[arg-type]
    return instructions
