"""What `bench` prints for people: a table for each kind of row, and what the columns mean."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from archsearch.cli.printing import console, note
from archsearch.cli.tables import Column, print_table
from archsearch.words import plain

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
ROUNDED_LAYER = [
    Column("cell"),
    Column("run by"),
    Column("shape"),
    *LAYER[2:4],
    Column("native", right=True),
    Column("nn.GRU in bfloat16", right=True),
    Column("nn.LSTM in bfloat16", right=True),
]
ROUNDED_TRIAL = [*TRIAL[:4], *LAYER[2:4], Column("native", right=True)]
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
DISAGREE = 0.2
"""Between the quartiles of a time, as a share of its median: more, and the machine was not idle."""

STACK = [
    Column("cell"),
    Column("shape"),
    Column("lanes", right=True),
    Column("loop"),
    Column("ms", right=True),
    Column("per lane", right=True),
    Column("of torch's", right=True, drop=1),
    Column("first step", right=True),
]


def show_document(document: dict[str, Any]) -> None:
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
    if "bf16" in document:
        _show_bf16(out, document["bf16"])
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


def _show_bf16(out: Console, rows: dict[str, Any]) -> None:
    """Print the tables of what multiplies bfloat16, and of the native engine in float32."""
    out.print("", "Forward and backward of one layer, in float32 and in bfloat16:", sep="\n")
    print_table(out, ROUNDED_LAYER, [_rounded_layer_line(row) for row in rows["layers"]])
    if rows["training_steps"]:
        out.print("", "One training step, in float32 and in bfloat16:", sep="\n")
        print_table(out, ROUNDED_TRIAL, [_rounded_trial_line(row) for row in rows["training_steps"]])


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
        *_timed(row),
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


def _timed(row: dict[str, Any]) -> list[str]:
    """Return what ran, at which shape, and how long it took."""
    shape = f"B{row['batch']}T{row['steps']}H{row['width']}"
    return [row["cell"], row["engine"], shape, *_spread(row)]


def _spread(row: dict[str, Any]) -> list[str]:
    return [f"{row['ms']:.2f}", f"{row['low']:.2f}-{row['high']:.2f}"]


def _rounded_layer_line(row: dict[str, Any]) -> list[str]:
    return [
        *_timed(row),
        *(f"{row[of]:.2f}x" for of in ("ratio_native", "ratio_nn_gru", "ratio_nn_lstm")),
    ]


def _rounded_trial_line(row: dict[str, Any]) -> list[str]:
    return [
        row["cell"],
        row["engine"],
        f"{row['parameters']:,}",
        str(row["width"]),
        *_spread(row),
        f"{row['ratio_native']:.2f}x",
    ]


def _stack_line(row: dict[str, Any]) -> list[str]:
    ratio = row["ratio_cudnn"]
    return [
        row["cell"],
        f"B{row['batch']}T{row['steps']}H{row['width']}",
        str(row["lanes"]),
        "persistent" if row["persistent"] else "launches",
        f"{row['ms']:.2f}",
        f"{row['ms_per_lane']:.3f}",
        "" if ratio is None else f"{ratio:.2f}x",
        f"{row['first_step_seconds']:.2f}",
    ]


def _times(row: dict[str, Any]) -> list[str]:
    figures = (row["ratio_nn_gru"], row["ratio_nn_lstm"], row["ratio_reference"])
    ratios = ["" if figure is None else f"{figure:.2f}x" for figure in figures]
    return [*_spread(row), *ratios]


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
