"""`archsearch bench`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from archsearch.actions.cells import find_cell
from archsearch.cell import Cell, library
from archsearch.cli.figures import check_figure, figure_option, write_figure
from archsearch.cli.options import json_option, runs_option
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, print_table
from archsearch.errors import BuildError, InputError
from archsearch.words import plain
from archsearch.workers.devices import cuda_devices

LAYER = [
    Column("cell"),
    Column("engine"),
    Column("ms", right=True),
    Column("quartiles", right=True, drop=1),
    Column("nn.GRU", right=True),
    Column("nn.LSTM", right=True),
    Column("interpreter", right=True),
    Column("GFLOP/s", right=True, drop=2),
    Column("of peak", right=True, drop=3),
    Column("time/FLOP", right=True, drop=1),
    Column("limit", right=True, drop=2),
]
FORWARD = [
    Column("cell"),
    Column("run by"),
    Column("shape"),
    *LAYER[2:5],
    Column("onnxruntime", right=True),
]
TRIAL = [
    Column("cell"),
    Column("engine"),
    Column("parameters", right=True),
    Column("units", right=True, drop=1),
    *LAYER[2:7],
    LAYER[-1],
]
STEP = [
    Column("cell"),
    Column("run by"),
    Column("batch", right=True),
    Column("units", right=True),
    Column("µs", right=True),
    Column("quartiles", right=True, drop=1),
    Column("nn.GRUCell", right=True),
    Column("onnxruntime", right=True),
    Column("interpreter", right=True, drop=2),
]
ROOFLINE = "--roofline"

DISAGREE = 0.2
"""Between the quartiles of a time, as a share of its median: more, and the machine was not idle."""

STACK = [
    Column("cell"),
    Column("shape"),
    Column("lanes", right=True),
    Column("ms", right=True),
    Column("per lane", right=True),
    Column("of torch's", right=True, drop=1),
    Column("first step", right=True),
]


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
    if roofline is not None:
        from archsearch.bench.roofline import roofline_picture

        write_figure(roofline_picture(document), roofline, ROOFLINE)
    if as_json:
        print_json(document)
    else:
        _show(document)


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


def _show(document: dict[str, Any]) -> None:
    """Print the tables for people, and a warning where the machine was not idle."""
    out, machine = console(), document["machine"]
    peak = machine["peak_gflops"]
    limit = f", one core's peak {peak:.0f} GFLOP/s" if peak else ""
    out.print(
        f"{machine['processor']}, {machine['instructions']}{limit}; {machine['compiler']}; torch {machine['torch']}"
    )
    shapes = dict.fromkeys((row["batch"], row["steps"], row["width"]) for row in document["rows"])
    for batch, steps, width in shapes:
        out.print(
            "", f"Forward and backward of one layer, batch {batch}, {steps} steps, {width} units:", sep="\n"
        )
        rows = [
            row
            for row in document["rows"]
            if (row["batch"], row["steps"], row["width"]) == (batch, steps, width)
        ]
        print_table(out, LAYER, [_layer_line(row) for row in rows])
    if document["forward"]:
        out.print("", "Forward of one layer alone, without gradients:", sep="\n")
        print_table(out, FORWARD, [_forward_line(row) for row in document["forward"]])
    if document["steps"]:
        out.print("", "One step of one layer, without gradients:", sep="\n")
        print_table(out, STEP, [_step_line(row) for row in document["steps"]])
    if document["training_steps"]:
        task = document["training_steps"][0]["task"]
        out.print("", f"One training step of {task}, torch's layers at the cell's units:", sep="\n")
        print_table(out, TRIAL, [_trial_line(row) for row in document["training_steps"]])
    if document["compile_seconds"]:
        out.print("", "Seconds until a cell is ready:", sep="\n")
        lines = [
            [name, f"{seconds['cold']:.2f}", f"{seconds['cached']:.3f}"]
            for name, seconds in document["compile_seconds"].items()
        ]
        print_table(out, [Column("cell"), Column("new", right=True), Column("cached", right=True)], lines)
    out.print(
        "",
        "Under the names of others: how many times faster than these. time/FLOP: time per operation of the matrix products",
        "relative to the GRU's in the native engine; GFLOP/s counts those operations alone. limit: what would take the most",
        "time if it were all there is, and its share of the row's.",
        sep="\n",
        soft_wrap=True,
    )
    if warning := _busy(document):
        note(plain(warning))
    if "stacks" in document:
        _show_stacks(out, document["stacks"], machine["stacks"])


def _show_stacks(out: Console, rows: list[dict[str, Any]], facts: str) -> None:
    """Print the table of stacks; its ratio is the other way round than those above, as others publish theirs."""
    out.print("", f"One training step of a stack on {rows[0]['device']} ({facts}):", sep="\n")
    print_table(out, STACK, [_stack_line(row) for row in rows])
    out.print(
        "",
        "ms: of all lanes together. of torch's: forward and backward of one layer with one lane take so many times as",
        "long as those of nn.GRU or nn.LSTM (cuDNN, on a GPU). first step: seconds from a new cell to its first step's end.",
        sep="\n",
        soft_wrap=True,
    )


def _layer_line(row: dict[str, Any]) -> list[str]:
    share = row["share_of_peak"]
    return [
        row["cell"],
        row["engine"],
        *_times(row),
        f"{row['gflops']:.0f}",
        "" if share is None else f"{share:.0%}",
        f"{row['per_flop_gru']:.2f}" if row["per_flop_gru"] else "",
        _limit(row),
    ]


def _forward_line(row: dict[str, Any]) -> list[str]:
    return [
        row["cell"],
        row["engine"],
        f"B{row['batch']}T{row['steps']}H{row['width']}",
        f"{row['ms']:.2f}",
        f"{row['low']:.2f}-{row['high']:.2f}",
        *(
            "" if ratio is None else f"{ratio:.2f}x"
            for ratio in (row["ratio_nn_gru"], row["ratio_onnxruntime"])
        ),
    ]


def _limit(row: dict[str, Any]) -> str:
    limits = row["limits"]
    return "" if limits is None else f"{limits['limit']} {100 * limits['share']:.0f} %"


def _step_line(row: dict[str, Any]) -> list[str]:
    figures = (row["ratio_nn_gru_cell"], row["ratio_onnxruntime"], row["ratio_reference"])
    return [
        row["cell"],
        row["engine"],
        str(row["batch"]),
        str(row["width"]),
        f"{row['us']:.1f}",
        f"{row['low']:.1f}-{row['high']:.1f}",
        *("" if figure is None else f"{figure:.2f}x" for figure in figures),
    ]


def _trial_line(row: dict[str, Any]) -> list[str]:
    return [
        row["cell"],
        row["engine"],
        f"{row['parameters']:,}",
        str(row["width"]),
        *_times(row),
        _limit(row),
    ]


def _stack_line(row: dict[str, Any]) -> list[str]:
    ratio = row["ratio_cudnn"]
    return [
        row["cell"],
        f"B{row['batch']}T{row['steps']}H{row['width']}",
        str(row["lanes"]),
        f"{row['ms']:.2f}",
        f"{row['ms_per_lane']:.3f}",
        "" if ratio is None else f"{ratio:.2f}x",
        f"{row['first_step_seconds']:.2f}",
    ]


def _times(row: dict[str, Any]) -> list[str]:
    figures = (row["ratio_nn_gru"], row["ratio_nn_lstm"], row["ratio_reference"])
    ratios = ["" if figure is None else f"{figure:.2f}x" for figure in figures]
    return [f"{row['ms']:.2f}", f"{row['low']:.2f}-{row['high']:.2f}", *ratios]


def _busy(document: dict[str, Any]) -> str:
    """Return what is to be said where rounds disagree, the worst of them named, or nothing."""
    rows = [*document["rows"], *document["training_steps"]]
    worst = max(rows, key=lambda row: (row["high"] - row["low"]) / row["ms"], default=None)
    if worst is None or worst["high"] - worst["low"] <= DISAGREE * worst["ms"]:
        return ""
    return (
        f"The rounds disagree: {worst['cell']} in {worst['engine']} took {worst['low']:.2f} to {worst['high']:.2f} ms "
        "between quartiles. Something else was running; measure again on an idle machine."
    )
