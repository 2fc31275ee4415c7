"""The GRU in ONNX Runtime, forward alone. Used where `onnx` and `onnxruntime` are installed, needed nowhere."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

import numpy as np

from archsearch.bench.shapes import LayerShape
from archsearch.bench.timing import Call


def has_onnxruntime() -> bool:
    """Whether a graph can be made and run."""
    return find_spec("onnx") is not None and find_spec("onnxruntime") is not None


def onnx_gru(shape: LayerShape) -> Call:
    """Return ONNX's own GRU over a sequence, with the reset gate after the product as in nn.GRU, from a state.

    Args:
        shape: Batch, steps and width.
    """
    runtime: Any = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(_graph(shape.width), options, providers=["CPUExecutionProvider"])
    size = shape.steps + 1, shape.batch, shape.width
    drawn = np.random.default_rng(0).standard_normal(size, dtype=np.float32)
    given = {"X": drawn[1:], "H": drawn[:1]}
    return lambda: session.run(None, given)


def _graph(width: int) -> bytes:
    """Return a model of one node; X is (T, B, n), H (1, B, n) and Y (T, 1, B, n)."""
    onnx: Any = importlib.import_module("onnx")
    helper, rng = onnx.helper, np.random.default_rng(0)
    shapes = {"W": (1, 3 * width, width), "R": (1, 3 * width, width), "B": (1, 6 * width)}
    weights = [
        onnx.numpy_helper.from_array(rng.uniform(-(width**-0.5), width**-0.5, of).astype(np.float32), name)
        for name, of in shapes.items()
    ]
    node = helper.make_node("GRU", ["X", *shapes, "", "H"], ["Y"], hidden_size=width, linear_before_reset=1)
    sizes = {"X": ("T", "B", width), "H": (1, "B", width), "Y": ("T", 1, "B", width)}
    rows = {name: helper.make_tensor_value_info(name, 1, size) for name, size in sizes.items()}
    graph = helper.make_graph([node], "step", [rows["X"], rows["H"]], [rows["Y"]], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    return bytes(model.SerializeToString())
