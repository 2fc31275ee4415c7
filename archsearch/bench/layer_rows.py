"""The rows of one cell at one shape, all from the same rounds: forward and backward in every engine, and forward alone."""

from __future__ import annotations

from statistics import median
from typing import Any

import msgspec

from archsearch.bench import jax_scan
from archsearch.bench.counting import layer_work
from archsearch.bench.forward import TORCH_GRU, forward_calls
from archsearch.bench.layers import TORCH, TORCH_COMPILE, engine_call, torch_call, torch_compile_call
from archsearch.bench.rows import BASE, ForwardRow, LayerRow, rates, ratios
from archsearch.bench.shapes import LayerShape
from archsearch.bench.steps import ONNX_GRU
from archsearch.bench.subjects import product_flops
from archsearch.bench.timing import Call, interleaved, spread, turns
from archsearch.cell import Cell, library
from archsearch.compiler.engine_names import INTERPRETER, NATIVE

FORWARD = "forward in "
"""Before the name of an engine, where it takes its turns with the way there alone."""

CALLS_ROUNDS, CALLS_TURN = 3, 0.003
"""Rounds, and seconds of a turn, for what it costs to be called: it is the same at all widths."""


def layer_rows(
    name: str, cell: Cell, shape: LayerShape, rounds: int, *, has_native: bool, peers: bool, compiled: bool
) -> tuple[list[LayerRow], list[ForwardRow]]:
    """Return the rows of forward and backward, and of forward alone.

    Args:
        name: What the cell is called.
        cell: It.
        shape: Batch, steps and width.
        rounds: Turns that each engine gets.
        has_native: Whether cells can be compiled.
        peers: Whether JAX takes part, where it is installed, and there are rows of forward alone.
        compiled: Whether torch.compile takes part.
    """
    engines = (NATIVE, INTERPRETER) if has_native else (INTERPRETER,)
    calls: dict[str, Call] = {engine.recorded_as: engine_call(cell, engine.name, shape) for engine in engines}
    calls |= {layer: torch_call(layer, shape) for layer in TORCH}
    unroll = None
    if peers and jax_scan.is_installed():
        calls["jax"], unroll = jax_scan.tuned_call(cell, shape)
        calls["jax vmap"] = jax_scan.stacked_call(cell, shape, unroll)
    if compiled:
        calls[TORCH_COMPILE] = torch_compile_call(cell, shape)
    both_ways = list(calls)
    if has_native:
        calls[BASE] = engine_call(library.load("gru"), NATIVE.name, shape)
    if peers:
        calls |= {FORWARD + by: call for by, call in forward_calls(cell, shape, has_native).items()}
    taken = turns(calls, rounds)
    if "jax vmap" in taken:  # milliseconds per setting
        taken["jax vmap"] = [ms / jax_scan.SETTINGS for ms in taken["jax vmap"]]
    rows = [_both_ways(name, cell, shape, taken, engine) for engine in both_ways]
    rows = [
        msgspec.structs.replace(row, unroll=unroll) if row.engine.startswith("jax") else row for row in rows
    ]
    forward = {by.removeprefix(FORWARD): times for by, times in taken.items() if by.startswith(FORWARD)}
    return rows, [_forward(name, shape, forward, engine) for engine in forward]


def _both_ways(
    name: str, cell: Cell, shape: LayerShape, taken: dict[str, list[float]], engine: str
) -> LayerRow:
    """Return the row of an engine; with what the native one has to do, and pays for being called."""
    times = {each: median(ms) for each, ms in taken.items()}
    cell_name = TORCH[engine][1] if engine in TORCH else name
    flops = product_flops(library.load(cell_name) if engine in TORCH else cell, shape)
    figures: dict[str, Any] = {
        **ratios(times, engine),
        **rates(times, engine, flops, product_flops(library.load("gru"), shape)),
    }
    if engine == NATIVE.recorded_as:
        narrow = engine_call(cell, NATIVE.name, LayerShape(1, shape.steps, cell.width_step))
        calls_ms = interleaved({engine: narrow}, CALLS_ROUNDS, CALLS_TURN)[engine]
        figures |= {"work": layer_work(cell, shape), "calls_ms": calls_ms}
    sizes = {"batch": shape.batch, "steps": shape.steps, "width": shape.width}
    row = {"cell": cell_name, "engine": engine, **sizes, **spread(taken[engine]), **figures}
    return msgspec.convert(row, LayerRow)


def _forward(name: str, shape: LayerShape, taken: dict[str, list[float]], engine: str) -> ForwardRow:
    times = {each: median(ms) for each, ms in taken.items()}
    return ForwardRow(
        cell=name if engine == NATIVE.recorded_as else "gru_reset_after",
        engine=engine,
        batch=shape.batch,
        steps=shape.steps,
        width=shape.width,
        **spread(taken[engine]),
        ratio_nn_gru=times[TORCH_GRU] / times[engine],
        ratio_onnxruntime=times[ONNX_GRU] / times[engine] if ONNX_GRU in times else None,
    )
