"""Gives the values of an ONNX graph the names of the cell, and takes out what torch says of this machine.

In the body of each Scan the value of a line of the cell has the line's name, and what leads to it that name with its
operator: `layers.0.r`, `layers.0.r.Gemm`.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from onnx import GraphProto, ModelProto, NodeProto
from torch import nn

from archsearch.exporters.module_names import free_variable
from archsearch.exporters.over_time import OverTime

TRACE = "pkg.torch.onnx.stack_trace"
FRAME = re.compile(r'File "([^"]*)", line (\d+)')


def tidied(model: ModelProto, module: OverTime, states: Sequence[str], about: str) -> ModelProto:
    """Return the model with the cell's names, names of its axes, and a text; nothing else is said in it.

    Args:
        model: What torch wrote; it is not changed.
        module: What it was traced from, with an exported class from a file.
        states: Names of the states.
        about: What the file says of itself.
    """
    found = ModelProto()
    found.CopyFrom(model)
    graph, taken = found.graph, set[str]()
    outer = {each.name: free_variable(each.name, taken) for each in graph.initializer if "." in each.name}
    outer |= _given(graph.input, [module.read, *states], taken)
    outer |= _given(graph.output, [module.said, *(f"{state}_last" for state in states)], taken)
    lines = _Lines(module.layers)
    scans = [node for node in graph.node if node.op_type == "Scan"]
    inner = [
        _names_of_body(_body(scan), f"layers.{place}.", states, (lines, taken))
        for place, scan in enumerate(scans)
    ]
    for name in _values(graph):
        if name not in outer:
            outer[name] = free_variable(name, taken)
    for scan, names in zip(scans, inner, strict=True):
        _rename(_body(scan), {**outer, **names})
    _rename(graph, outer)
    for place, scan in enumerate(scans):
        scan.name = f"layers.{place}"
    _name_axes(found, ["batch", "time"] if module.batch_first else ["time", "batch"])
    del found.metadata_props[:]
    found.doc_string = about
    return found


class _Lines:
    """Which line of the cell a node was traced from.

    Attributes:
        file: The exported source.
        targets: Variable by line of that source.
    """

    def __init__(self, layers: nn.ModuleList) -> None:
        self.file = inspect.getfile(vars(type(layers[0]))["step"])
        tree = ast.parse(Path(self.file).read_text(encoding="utf-8"))
        self.targets = {
            line: statement.targets[0].id
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef) and function.name == "step"
            for statement in function.body
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
            for line in range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
        }

    def of(self, node: NodeProto) -> str | None:
        """Return the variable of the line, or None for what stands in none."""
        traces = [each.value for each in node.metadata_props if each.key == TRACE]
        frames = [frame for trace in traces for frame in FRAME.findall(trace) if frame[0] == self.file]
        return self.targets.get(int(frames[-1][1])) if frames else None


def _names_of_body(
    body: GraphProto, prefix: str, states: Sequence[str], known: tuple[_Lines, set[str]]
) -> dict[str, str]:
    """Return the names of the values in the body of a Scan; `known` is the lines, and the names that are taken."""
    lines, taken = known
    found = _given(body.input, [f"{prefix}{name}" for name in [*states, "x"]], taken)
    following = [*(f"{prefix}{state}_next" for state in states), f"{prefix}output"]
    found |= _given(body.output, following, taken)
    last = {lines.of(node): node.output[0] for node in body.node}
    for node in body.node:
        line = lines.of(node)
        for output in node.output:
            if output not in found:
                whole = line is not None and last[line] == output
                words = [line] * (line is not None) + [node.op_type] * (not whole)
                found[output] = free_variable(prefix + ".".join(map(str, words)), taken)
    return found


def _given(values: Sequence[object], names: Sequence[str], taken: set[str]) -> dict[str, str]:
    pairs = zip(values, names, strict=True)
    return {value.name: free_variable(name, taken) for value, name in pairs}  # type: ignore[attr-defined]


def _body(scan: NodeProto) -> GraphProto:
    found: GraphProto = next(each.g for each in scan.attribute if each.name == "body")
    return found


def _values(graph: GraphProto) -> Iterator[str]:
    """Yield the names of the values of a graph, without those of bodies."""
    yield from (each.name for each in graph.initializer)
    for node in graph.node:
        yield from node.output


def _rename(graph: GraphProto, names: dict[str, str]) -> None:
    """Give the values of a graph, and the nodes after what they compute, other names, and take out all remarks."""
    for value in [*graph.input, *graph.output, *graph.value_info, *graph.initializer]:
        value.name = names.get(value.name, value.name)
        value.doc_string = ""
        del value.metadata_props[:]
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        node.name, node.doc_string = node.output[0], ""
        del node.metadata_props[:]
    del graph.metadata_props[:]


def _name_axes(model: ModelProto, words: Sequence[str]) -> None:
    """Call the open axes of the input by words, everywhere."""
    axes = model.graph.input[0].type.tensor_type.shape.dim
    names = {axis.dim_param: word for axis, word in zip(axes, words, strict=False)}
    bodies = [_body(node) for node in model.graph.node if node.op_type == "Scan"]
    for graph in [model.graph, *bodies]:
        for value in [*graph.input, *graph.output, *graph.value_info]:
            for axis in value.type.tensor_type.shape.dim:
                if axis.dim_param:
                    axis.dim_param = names.get(axis.dim_param, axis.dim_param)
