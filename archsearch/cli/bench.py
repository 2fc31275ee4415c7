"""`archsearch bench`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from msgspec import to_builtins

from archsearch.actions.cells import find_cell
from archsearch.cell import Cell, library
from archsearch.cli.bench_tables import show_document
from archsearch.cli.figures import check_figure, figure_option, write_figure
from archsearch.cli.options import json_option, runs_option
from archsearch.cli.printing import note, print_json
from archsearch.errors import BuildError, InputError
from archsearch.workers.devices import cuda_devices

if TYPE_CHECKING:
    from archsearch.bench import LayerShape

ROOFLINE = "--roofline"


@click.command(epilog="Example: archsearch bench gru my.cell --shape B20T35H256")
@click.argument("cells", nargs=-1, metavar="[CELL]...")
@click.option("--all", "every", is_flag=True, help="Measure every library cell and the mutants.")
@click.option(
    "--shape", "shapes", multiple=True, metavar="B20T35H256", help="Batch, steps and width; may be repeated."
)
@click.option("--quick", is_flag=True, help="The first shape and the smallest model only, in a few rounds.")
@click.option(
    "--rounds",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Turns of each engine.  [default: 15, quick 5]",
)
@click.option(
    "--device", metavar="NAME", help="Where stacks are measured: cpu, cuda:0 …  [default: the first GPU]"
)
@click.option(
    "--torch-compile",
    "compiled",
    is_flag=True,
    help="Also torch.compile of the interpreter's loop: minutes for each cell and shape; needs a C++ compiler.",
)
@click.option(
    "--bf16",
    "in_bf16",
    is_flag=True,
    help="Also layers and training steps in bfloat16, beside torch's; needs a processor that multiplies it.",
)
@figure_option("Draw how fast rows are beside what the machine allows there", ROOFLINE)
@runs_option
@json_option
def bench(
    cells: tuple[str, ...],
    every: bool,
    shapes: tuple[str, ...],
    quick: bool,
    rounds: int | None,
    device: str | None,
    compiled: bool,
    in_bf16: bool,
    roofline: Path | None,
    runs: Path,
    as_json: bool,
) -> None:
    """Measure the speed of the engines here, beside torch's own layers.

    The engines take turns on one thread, and the medians are shown: forward and backward of one layer, one step of it
    without gradients, the whole training step of a trial, and how long a cell takes to compile. Without CELL: some library
    cells and three fixed mutants. JAX and ONNX Runtime take part where they are installed. Each native row says what
    limits it: compute, a cache, memory or calls. With a GPU, or on the device that is named: the training step of
    stacks, and how soon a new cell takes its first. Leave the machine alone meanwhile.
    """
    from archsearch.bench import SHAPES, LayerShape, measure, stacks, steps
    from archsearch.bench.trials import BUDGETS

    if cells and every:
        raise InputError("--all measures every library cell: name cells, or give --all")
    check_figure(roofline, ROOFLINE)
    if compiled or roofline is not None:
        _check_compiler("--torch-compile" if compiled else ROOFLINE)
    if in_bf16:
        _check_bf16()
    asked = [LayerShape.parse(text) for text in shapes]
    layers, stacked = (asked or list(usual[:1] if quick else usual) for usual in (SHAPES, stacks.SHAPES))
    subjects, closely = _subjects(cells, every, runs)
    document = measure(
        subjects,
        layers,
        closely,
        budgets=BUDGETS[:1] if quick else BUDGETS,
        rounds=rounds or (5 if quick else 15),
        told=note,
        device=_device(device),
        stacked=stacked,
        stepped=asked or (steps.STEPS[:2] if quick else steps.STEPS),
        compiled=compiled,
    )
    if in_bf16:
        document["bf16"] = _in_bf16(
            {name: cell for name, cell in subjects.items() if name in closely},
            layers,
            BUDGETS[:1] if quick else BUDGETS,
            document["rounds"],
        )
    if roofline is not None:
        from archsearch.bench.roofline import roofline_picture

        write_figure(roofline_picture(document), roofline, ROOFLINE)
    if as_json:
        print_json(document)
    else:
        show_document(document)


def _subjects(names: tuple[str, ...], every: bool, runs: Path) -> tuple[dict[str, Cell], tuple[str, ...]]:
    """Return the cells to measure, and the names of those to look at closely."""
    from archsearch.bench.subjects import CLOSELY, USUAL, mutants

    if names:
        return {name: find_cell(name, runs).cell for name in names}, names
    return {name: library.load(name) for name in (library.names() if every else USUAL)} | mutants(), CLOSELY


def _check_compiler(option: str) -> None:
    """Refuse an option that needs a C++ compiler where there is none."""
    from archsearch.compiler.native.toolchain import toolchain

    try:
        toolchain()
    except BuildError as error:
        raise InputError(f"{option} needs a C++ compiler: {error}") from None


def _check_bf16() -> None:
    """Refuse --bf16 where nothing multiplies bfloat16."""
    from archsearch.bench.in_bf16 import can_round

    if not can_round():
        raise InputError(
            "--bf16 needs a processor that multiplies bfloat16 (AVX512-BF16), and a C++ compiler that may use it"
        )


def _in_bf16(
    cells: dict[str, Cell], shapes: list[LayerShape], budgets: tuple[int, ...], rounds: int
) -> dict[str, Any]:
    """Return the rows in bfloat16, as a part of the document."""
    from archsearch.bench.in_bf16 import measure_in_bf16

    return cast(dict[str, Any], to_builtins(measure_in_bf16(cells, shapes, budgets, rounds, note)))


def _device(said: str | None) -> str | None:
    """Return where stacks are measured: the device that was named, else the first GPU, None where there is none."""
    from archsearch.workers.process import cuda_problem

    if said is None:
        return next(iter(cuda_devices()), None)
    if said != "cpu" and not re.fullmatch(r"cuda(:\d{1,3})?", said):
        raise InputError(
            f"--device {said}: stacks are measured on one device; allowed: cpu, cuda:0, cuda:1 …"
        )
    if said != "cpu" and (problem := cuda_problem(said)):
        raise InputError(problem)
    return said
