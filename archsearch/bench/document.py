"""Everything that is measured, as one document."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import product
from statistics import median
from typing import Any

import msgspec
import torch

from archsearch.bench import jax_scan, stacks, trials
from archsearch.bench.compiling import compile_seconds
from archsearch.bench.layers import TORCH, engine_call, torch_call
from archsearch.bench.machine import machine
from archsearch.bench.peak import peak_gflops
from archsearch.bench.rows import BASE, LayerRow, StackRow, StepRow, TrialRow, rates, ratios
from archsearch.bench.shapes import LayerShape
from archsearch.bench.steps import GRU_CELL, ONNX_GRU, STEPS, step_calls
from archsearch.bench.subjects import product_flops
from archsearch.bench.timing import Call, spread, turns
from archsearch.cell import Cell, library
from archsearch.compiler import default_engine
from archsearch.compiler.engine_names import INTERPRETER, NATIVE
from archsearch.workers.process import as_in_a_worker

Told = Callable[[str], None]


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
) -> dict[str, Any]:
    """Return machine, rows, single steps, training steps, compile times; and stacks, where there is a device for them.

    Args:
        cells: What is measured, by name.
        shapes: Of the layers.
        closely: Names of the cells that are also measured in JAX, where it is installed, in single steps, in whole training
            steps and in stacks.
        budgets: Parameters of the models of the training steps.
        rounds: Turns that each engine gets.
        told: Takes a line for people before each part.
        device: Where stacks are measured, "cpu" or a CUDA device; nowhere if None.
        stacked: Shapes of their lanes.
        stepped: Batches and widths of the single steps.
    """
    has_native = default_engine("cpu") == NATIVE.name
    rows: list[LayerRow] = []
    single: list[StepRow] = []
    steps: list[TrialRow] = []
    peaks: list[float] = []
    with as_in_a_worker():
        for shape, name in product(shapes, cells):
            told(f"{name} at {shape}")
            peaks += [peak_gflops()] if has_native else []
            rows += _layer_rows(
                name, cells[name], shape, rounds, has_native=has_native, closely=name in closely
            )
        for shape, name in product(stepped, [name for name in cells if name in closely]):
            told(f"{name}, one step with a batch of {shape.batch} and {shape.width} units")
            single += _step_rows(name, cells[name], shape, rounds, has_native)
        for name, budget in product([name for name in cells if name in closely], budgets):
            told(f"{name}, training step of {trials.TASK} with {budget:,} parameters")
            try:
                steps += _trial_rows(name, cells[name], budget, rounds, has_native)
            except trials.Untimed as error:
                told(f"left out: {error}")
        lanes = _stack_rows(
            {name: cell for name, cell in cells.items() if name in closely}, stacked, device, rounds, told
        )
    told("compile times")
    peak = max(peaks, default=None)
    facts = {"stacks": stacks.device_facts(device)} if device and lanes else {}
    return {
        "machine": {**machine(), **facts, "peak_gflops": peak},
        "rounds": rounds,
        "rows": [msgspec.to_builtins(row.beside(peak)) for row in _once(rows)],
        "steps": msgspec.to_builtins(single),
        "training_steps": msgspec.to_builtins(steps),
        "compile_seconds": {name: compile_seconds(cell) for name, cell in cells.items()}
        if has_native
        else {},
        **({"stacks": msgspec.to_builtins(lanes)} if lanes else {}),
    }


def _engines(has_native: bool) -> tuple[str, ...]:
    return (NATIVE.recorded_as, INTERPRETER.recorded_as) if has_native else (INTERPRETER.recorded_as,)


def _layer_rows(
    name: str, cell: Cell, shape: LayerShape, rounds: int, has_native: bool, closely: bool
) -> list[LayerRow]:
    """Return the rows of a cell's engines and of torch's own layers, from the same rounds."""
    calls: dict[str, Call] = {engine: engine_call(cell, engine, shape) for engine in _engines(has_native)}
    calls |= {layer: torch_call(layer, shape) for layer in TORCH}
    gru, unroll = library.load("gru"), None
    if closely and jax_scan.is_installed():
        calls["jax"], unroll = jax_scan.tuned_call(cell, shape)
        calls["jax vmap"] = jax_scan.stacked_call(cell, shape, unroll)
    shown = list(calls)
    if has_native:
        calls[BASE] = engine_call(gru, "native", shape)
    taken = turns(calls, rounds)
    if "jax vmap" in taken:  # milliseconds per setting
        taken["jax vmap"] = [ms / jax_scan.SETTINGS for ms in taken["jax vmap"]]
    times = {engine: median(each) for engine, each in taken.items()}
    rows = []
    for engine in shown:
        cell_name = TORCH[engine][1] if engine in TORCH else name
        flops = product_flops(library.load(cell_name) if engine in TORCH else cell, shape)
        figures = {**ratios(times, engine), **rates(times, engine, flops, product_flops(gru, shape))}
        sizes = {"batch": shape.batch, "steps": shape.steps, "width": shape.width}
        row = {
            "cell": cell_name,
            "engine": engine,
            **sizes,
            **spread(taken[engine]),
            **figures,
            "unroll": unroll if engine.startswith("jax") else None,
        }
        rows.append(msgspec.convert(row, LayerRow))
    return rows


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
        row = {
            "cell": cell_name,
            "engine": engine,
            "task": trials.TASK,
            **sizes,
            **spread(taken[engine]),
            **ratios(times, engine),
        }
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


def _once(rows: Sequence[LayerRow]) -> list[LayerRow]:
    """Return the rows with torch's own layers once per shape, from the first cell's rounds."""
    kept: dict[tuple[str, str, int, int, int], LayerRow] = {}
    for row in rows:
        kept.setdefault((row.cell, row.engine, row.batch, row.steps, row.width), row)
    return list(kept.values())
