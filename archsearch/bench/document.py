"""Everything that is measured, as one document."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import product
from statistics import median
from typing import Any, TypeVar

import msgspec
import torch

from archsearch.bench import stacks, trials
from archsearch.bench.bandwidth import memory_levels
from archsearch.bench.compiling import compile_seconds
from archsearch.bench.layer_rows import CALLS_ROUNDS, CALLS_TURN, layer_rows
from archsearch.bench.layers import TORCH
from archsearch.bench.limits import Roofs
from archsearch.bench.machine import machine
from archsearch.bench.peak import peak_gflops
from archsearch.bench.rows import ForwardRow, LayerRow, StackRow, StepRow, TrialRow, ratios
from archsearch.bench.shapes import LayerShape
from archsearch.bench.steps import GRU_CELL, ONNX_GRU, STEPS, step_calls
from archsearch.bench.timing import interleaved, spread, turns
from archsearch.cell import Cell
from archsearch.compiler import default_engine
from archsearch.compiler.engine_names import INTERPRETER, NATIVE
from archsearch.workers.process import as_in_a_worker

Told = Callable[[str], None]
Row = TypeVar("Row", LayerRow, ForwardRow)


def measure(
    cells: Mapping[str, Cell],
    shapes: Sequence[LayerShape],
    closely: Collection[str],
    budgets: Sequence[int] = trials.BUDGETS,
    rounds: int = 15,
    told: Told = lambda line: None,
    device: str | None = None,
    stacked: Sequence[LayerShape] = stacks.SHAPES,
    stepped: Sequence[LayerShape] = STEPS,
    compiled: bool = False,
) -> dict[str, Any]:
    """Return machine, rows, rows of forward alone, single steps, training steps, compile times; and stacks, where asked for.

    Args:
        cells: What is measured, by name.
        shapes: Of the layers.
        closely: Names of the cells that are also measured in JAX, where it is installed, forward alone, in single steps, in
            whole training steps and in stacks.
        budgets: Parameters of the models of the training steps.
        rounds: Turns that each engine gets.
        told: Takes a line for people before each part.
        device: Where stacks are measured, "cpu" or a CUDA device; nowhere if None.
        stacked: Shapes of their lanes.
        stepped: Batches and widths of the single steps.
        compiled: Whether torch.compile takes part in the layers of the cells that are measured closely.
    """
    has_native = default_engine("cpu") == NATIVE.name
    rows: list[LayerRow] = []
    forward: list[ForwardRow] = []
    single: list[StepRow] = []
    steps: list[TrialRow] = []
    peaks: list[float] = []
    with as_in_a_worker():
        levels = memory_levels() if has_native else []
        for shape, name in product(shapes, cells):
            told(f"{name} at {shape}")
            peaks += [peak_gflops()] if has_native else []
            peers = name in closely
            asked = {"has_native": has_native, "peers": peers, "compiled": compiled and peers}
            both_ways, one_way = layer_rows(name, cells[name], shape, rounds, **asked)
            rows, forward = rows + both_ways, forward + one_way
        for shape, name in product(stepped, [name for name in cells if name in closely]):
            told(f"{name}, one step with a batch of {shape.batch} and {shape.width} units")
            single += _step_rows(name, cells[name], shape, rounds, has_native)
        for name, budget in product([name for name in cells if name in closely], budgets):
            told(f"{name}, training step of {trials.TASK} with {budget:,} parameters")
            try:
                steps += _trial_rows(name, cells[name], budget, rounds, has_native)
            except trials.Untimed as error:
                told(f"left out: {error}")
        peaks += [peak_gflops()] if has_native and steps else []
        lanes = _stack_rows(
            {name: cell for name, cell in cells.items() if name in closely}, stacked, device, rounds, told
        )
    told("compile times")
    peak = max(peaks, default=None)
    roofs = None if peak is None else Roofs(peak, levels)
    facts = {"stacks": stacks.device_facts(device)} if device and lanes else {}
    return {
        "machine": {
            **machine(),
            **facts,
            "peak_gflops": peak,
            "levels": msgspec.to_builtins(levels),
        },
        "rounds": rounds,
        "rows": [msgspec.to_builtins(row.beside(roofs)) for row in _once(rows)],
        "forward": msgspec.to_builtins(_once(forward)),
        "steps": msgspec.to_builtins(single),
        "training_steps": [msgspec.to_builtins(row.beside(roofs)) for row in steps],
        "compile_seconds": {name: compile_seconds(cell) for name, cell in cells.items()}
        if has_native
        else {},
        **({"stacks": msgspec.to_builtins(lanes)} if lanes else {}),
    }


def _engines(has_native: bool) -> tuple[str, ...]:
    return (NATIVE.recorded_as, INTERPRETER.recorded_as) if has_native else (INTERPRETER.recorded_as,)


def _step_rows(name: str, cell: Cell, shape: LayerShape, rounds: int, has_native: bool) -> list[StepRow]:
    """Return a single step of a cell's engines and of the GRU elsewhere, from the same rounds."""
    with torch.no_grad():
        taken = turns(step_calls(cell, shape, _engines(has_native)), rounds)
    times = {engine: median(each) for engine, each in taken.items()}
    rows = []
    for engine, ms in times.items():
        others = engine in (GRU_CELL, ONNX_GRU)
        quartiles = spread([1000 * each for each in taken[engine]])
        row = StepRow(
            cell="gru_reset_after" if others else name,
            engine=engine,
            batch=shape.batch,
            width=shape.width,
            us=quartiles["ms"],
            low=quartiles["low"],
            high=quartiles["high"],
            ratio_nn_gru_cell=times[GRU_CELL] / ms,
            ratio_onnxruntime=times[ONNX_GRU] / ms if ONNX_GRU in times else None,
            ratio_reference=None if others else times[INTERPRETER.recorded_as] / ms,
        )
        rows.append(row)
    return rows


def _trial_rows(name: str, cell: Cell, budget: int, rounds: int, has_native: bool) -> list[TrialRow]:
    """Return the training steps of a cell's engines and of torch's own layers, from the same rounds."""
    calls, width = trials.trial_calls(cell, budget, _engines(has_native))
    taken = {engine: [ms / trials.WINDOWS for ms in each] for engine, each in turns(calls, rounds).items()}
    times = {engine: median(each) for engine, each in taken.items()}
    sizes = {"parameters": budget, "batch": trials.BATCH, "steps": trials.UNROLL, "width": width}
    rows = []
    for engine in times:
        cell_name = TORCH[engine][1] if engine in TORCH else name
        row: dict[str, Any] = {
            "cell": cell_name,
            "engine": engine,
            "task": trials.TASK,
            **sizes,
            **spread(taken[engine]),
            **ratios(times, engine),
        }
        if engine == NATIVE.recorded_as:
            work, narrow = trials.native_trial(cell, budget)
            ms = interleaved({engine: narrow}, CALLS_ROUNDS, CALLS_TURN)[engine]
            row |= {"work": work, "calls_ms": ms / trials.WINDOWS}
        rows.append(msgspec.convert(row, TrialRow))
    return rows


def _stack_rows(
    cells: Mapping[str, Cell], shapes: Sequence[LayerShape], device: str | None, rounds: int, told: Told
) -> list[StackRow]:
    """Return the rows of stacks on a device."""
    rows: list[StackRow] = []
    if device is None:
        return rows
    with stacks.as_in_a_worker_on(device):
        for shape, name in product(shapes, cells):
            told(f"{name} in stacks at {shape} on {device}")
            try:
                rows += stacks.stack_rows(name, cells[name], shape, device, rounds)
            except trials.Untimed as error:
                told(f"left out: {error}")
    return rows


def _once(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with the layers of others once per shape, from the first cell's rounds."""
    kept: dict[tuple[str, str, int, int, int], Row] = {}
    for row in rows:
        kept.setdefault((row.cell, row.engine, row.batch, row.steps, row.width), row)
    return list(kept.values())
