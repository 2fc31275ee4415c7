"""A graph as pt2, the file of `torch.export`: written, and run again."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram

from archsearch.exporters.over_time import OverTime


def write(program: ExportedProgram, module: OverTime, states: Sequence[str], about: str) -> bytes:
    """Return the file of a graph.

    Args:
        program: The graph.
        module: What it was traced from.
        states: Names of the states.
        about: What the file says of itself, as `about.txt` in it.
    """
    for part in program.graph_module.modules():
        for node in part.graph.nodes if isinstance(part, fx.GraphModule) else ():
            node.meta.pop("stack_trace", None)  # paths of this machine
    file = io.BytesIO()
    torch.export.save(program, file, extra_files={"about.txt": about})
    return file.getvalue()


def runner(path: Path) -> Callable[[list[Tensor]], list[Tensor]]:
    """Return what a file computes.

    It takes x, shape (T, B, I), or what a whole model reads, and the states, shape (layers · directions, B, n), and gives
    outputs and last states.
    """
    loaded = torch.export.load(path).module()

    def run(given: list[Tensor]) -> list[Tensor]:
        with torch.no_grad():
            return list(loaded(*given))

    return run
