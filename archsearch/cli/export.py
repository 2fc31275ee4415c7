"""`archsearch export`."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from archsearch.actions.export import export_cell, exported_bytes, format_of, names_model, weights_beside
from archsearch.cli.options import runs_option
from archsearch.cli.printing import note
from archsearch.errors import InputError
from archsearch.exporters import EXPORTERS, SizedModel
from archsearch.exporters.checking_c import NotChecked
from archsearch.exporters.kernels import beside as kernels_beside
from archsearch.exporters.kernels import build_line
from archsearch.words import plain

STDOUT = Path("-")
SIZED = ", ".join(name for name, row in EXPORTERS.items() if row.sized)


@contextmanager
def _told() -> Iterator[None]:
    """Print what could not be checked, as a line for people."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NotChecked)
        yield
    for warning in caught:
        note(str(warning.message))


def _formats() -> str:
    """Return what each format is, a line each."""
    width = max(map(len, EXPORTERS))
    return "\n".join(f"  {name:<{width}}  {row.about}" for name, row in EXPORTERS.items())


@click.command(epilog=f"\b\nFormats:\n{_formats()}\n\nExample: archsearch export mut1 -o mut1.py")
@click.argument("cell")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(EXPORTERS)),
    help="What to write; otherwise the file's ending says it.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="File to write; - is standard output.",
)
@click.option("--name", help="What to call the cell, and so the class; otherwise its own name.")
@click.option(
    "--weights",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Trained weights of a Recurrent, as safetensors: for the module's class beside it, otherwise in the file itself.",
)
@click.option(
    "--input-size", metavar="N", type=click.IntRange(min=1), help=f"Width of the input, for {SIZED}: 64."
)
@click.option(
    "--hidden-size", metavar="N", type=click.IntRange(min=1), help=f"Width of the states, for {SIZED}: 128."
)
@click.option("--layers", metavar="N", type=click.IntRange(min=1), help=f"Layers, for {SIZED}: 1.")
@click.option("--batch-first", is_flag=True, help="For onnx and pt2: sequences are (batch, time, width).")
@click.option(
    "--kernels",
    is_flag=True,
    help="For python: C++ beside the module, which makes sequences and their gradients fast once it is compiled.",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@runs_option
def export(
    cell: str,
    format_: str | None,
    output: Path,
    name: str | None,
    weights: Path | None,
    input_size: int | None,
    hidden_size: int | None,
    layers: int | None,
    batch_first: bool,
    kernels: bool,
    force: bool,
    runs: Path,
) -> None:
    """Write a cell as a torch module, ONNX, C, text or picture.

    An exported module stands alone: it needs torch and nothing of archsearch, and is run and compared before it is written.
    So are ONNX and pt2, by onnxruntime and torch, and C, where a compiler is found.
    """
    default = SizedModel()
    given = (input_size, hidden_size, layers)
    usual = (default.input_size, default.hidden_size, default.num_layers)
    sizes = None
    if any(size is not None for size in given):
        sizes = tuple(size or its for size, its in zip(given, usual, strict=True))
    if output == STDOUT:
        if kernels:
            raise InputError("--kernels goes into a file beside the module: give -o FILE.py")
        _to_stdout(
            cell, format_, weights, {"name": name, "runs": runs, "sizes": sizes, "batch_first": batch_first}
        )
        return
    with _told():
        path = export_cell(
            cell,
            output,
            format_,
            force=force,
            runs=runs,
            name=name,
            weights=weights,
            sizes=sizes,
            batch_first=batch_first,
            kernels=kernels,
        )
    note(plain(f"wrote {path}"))
    if kernels:
        note(
            plain(f"wrote {kernels_beside(path, '.cpp')}; build it there, or the module runs in plain torch:")
        )
        note(plain(f"  {build_line(path)}"))
    trained = weights is not None or names_model(cell)
    chosen = format_ or format_of(path)
    if not trained and EXPORTERS[chosen].binary:
        note(
            "its weights are those that training would begin with, from seed 0; --weights FILE takes trained ones"
        )
    if trained and EXPORTERS[chosen].beside:
        note(plain(f"wrote {weights_beside(path)}"))


def _to_stdout(cell: str, format: str | None, weights: Path | None, options: dict[str, Any]) -> None:
    """Write to standard output, where a format must be named and bytes are for a pipe or a file."""
    if format is None:
        raise InputError(f"-o -: which format? Give --format {'|'.join(EXPORTERS)}")
    row = EXPORTERS[format]
    if weights is not None:
        raise InputError(f"--weights goes into a file, or one beside the module: give -o FILE{row.suffix}")
    if row.binary and sys.stdout.isatty():
        raise InputError(f"-o -: {format} is no text for a terminal; give -o FILE{row.suffix}, or a pipe")
    with _told():
        content = exported_bytes(cell, format, **options)
    click.echo(content, nl=False)
