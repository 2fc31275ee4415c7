"""A graph as ONNX: written, and run again by onnxruntime."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import onnx
import onnxruntime
import torch
from torch import Tensor
from torch.export import ExportedProgram

from archsearch.exporters.onnx_names import tidied
from archsearch.exporters.over_time import OverTime

OPSET = 20
"""Operators that torch writes without converting them from another version."""


def write(program: ExportedProgram, module: OverTime, states: Sequence[str], about: str) -> bytes:
    """Return the file of a graph, whose values have the names of the cell's lines.

    Args:
        program: The graph.
        module: What it was traced from.
        states: Names of the states.
        about: What the file says of itself, as its description.
    """
    with _quiet(), torch.no_grad():
        made = torch.onnx.export(program, dynamo=True, opset_version=OPSET, verbose=False)
    assert made is not None
    model = tidied(made.model_proto, module, states, about)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def runner(path: Path) -> Callable[[list[Tensor]], list[Tensor]]:
    """Return what a file computes, once the checker of ONNX has passed it.

    It takes x, shape (T, B, I), or what a whole model reads, and the states, shape (layers · directions, B, n), and gives
    outputs and last states.
    """
    onnx.checker.check_model(onnx.load(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def run(given: list[Tensor]) -> list[Tensor]:
        arrays = {name: each.numpy() for name, each in zip(names, given, strict=True)}
        return [torch.from_numpy(array) for array in session.run(None, arrays)]

    return run


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep two things of torch 2.13 from people: a deprecated call of its own, and that torchvision is not there."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
            yield
    finally:
        logger.setLevel(before)
