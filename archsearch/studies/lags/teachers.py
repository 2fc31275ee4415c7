"""Online training of a network of memory blocks, sequence after sequence: in compiled code, or else in numpy.

Both take the truncated gradient; the compiled one by the paper's own rule, forward in time (`memory_blocks.cpp`).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from archsearch.compiler.native.build import library
from archsearch.errors import BuildError
from archsearch.studies.lags.data import Lesson
from archsearch.studies.lags.memory_blocks import Weights, Wiring
from archsearch.tasks.task import Numbers

SOURCE = Path(__file__).with_name("memory_blocks.cpp")
NAMES = ("x", "y", "bias", "out", "direct", "out_bias")

Teacher = Callable[[Wiring, Weights, Lesson, float], tuple[Numbers, Numbers]]
"""(network, its weights, which change; sequences, rate) -> the largest and the mean absolute error of each sequence."""


def teacher() -> Teacher:
    """Return the fastest teacher that there is here."""
    try:
        _built()
    except BuildError:
        return teach_plainly
    return teach_natively


def teach_plainly(wiring: Wiring, weights: Weights, lesson: Lesson, rate: float) -> tuple[Numbers, Numbers]:
    """Learn from each sequence in its turn.

    Args:
        wiring: The network.
        weights: Its weights, which are changed.
        lesson: The sequences.
        rate: The learning rate.

    Returns:
        The largest and the mean absolute error of each sequence before it was learned from, both (sequences,).
    """
    largest, mean = np.empty((2, len(lesson.lengths)))
    for number, end in enumerate(lesson.lengths):
        trace = wiring.run(weights, lesson.inputs[number, :end, None])
        outputs = wiring.outputs_of(weights, trace)[:, 0]
        scored = lesson.scored[number, :end, None]
        errors = np.where(scored, outputs - lesson.targets[number, :end], 0.0)
        slopes = errors * outputs * (1 - outputs)
        for name, slope in wiring.gradient(weights, trace, slopes[:, None]).items():
            weights[name] -= rate * slope
        sizes = np.abs(errors)
        largest[number], mean[number] = sizes.max(), sizes.sum() / (scored.sum() * wiring.outputs)
    return largest, mean


def teach_natively(wiring: Wiring, weights: Weights, lesson: Lesson, rate: float) -> tuple[Numbers, Numbers]:
    """Learn from each sequence in its turn, in compiled code; see `teach_plainly`.

    Args:
        wiring: The network.
        weights: Its weights, which are changed.
        lesson: The sequences.
        rate: The learning rate.

    Returns:
        The largest and the mean absolute error of each sequence before it was learned from, both (sequences,).

    Raises:
        BuildError: There is no compiler, or it failed.
    """
    largest, mean = np.empty((2, len(lesson.lengths)))
    slopes = {name: np.empty_like(weight) for name, weight in weights.items()}
    is_symbols = lesson.inputs.dtype.kind == "i"
    symbols, numbers = (lesson.inputs, None) if is_symbols else (None, lesson.inputs)
    places = (lesson.lengths, symbols, numbers, lesson.targets, lesson.scored)
    count, steps = lesson.scored.shape
    _built().memory_blocks_train(
        ctypes.byref(_Wiring(*_numbers(wiring))),
        ctypes.byref(_Weights(*(_place(weights.get(name)) for name in NAMES))),
        ctypes.byref(_Weights(*(_place(slopes.get(name)) for name in NAMES))),
        ctypes.byref(_Sequences(count, steps, *map(_place, places))),
        *(rate, _place(largest), _place(mean)),
    )
    return largest, mean


class _Wiring(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_long)
        for name in ("inputs", "outputs", "blocks", "size", "recurrent", "output_gates", "direct", "squashed")
        + ("gate_bias", "cell_bias", "output_bias", "reads_gates")
    ]


def _numbers(wiring: Wiring) -> tuple[int, ...]:
    return (
        *(wiring.inputs, wiring.outputs, wiring.blocks, wiring.size, wiring.is_recurrent),
        *(wiring.has_output_gates, wiring.is_direct, wiring.is_squashed),
        *(wiring.gate_bias, wiring.cell_bias, wiring.output_bias, wiring.reads_gates),
    )


class _Weights(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in NAMES]


class _Sequences(ctypes.Structure):
    _fields_ = [("count", ctypes.c_long), ("steps", ctypes.c_long)] + [
        (name, ctypes.c_void_p) for name in ("lengths", "symbols", "numbers", "targets", "scored")
    ]


def _place(array: np.ndarray | None) -> int | None:
    if array is None:
        return None
    assert array.flags.c_contiguous
    return array.ctypes.data


@cache
def _built() -> ctypes.CDLL:
    built = library(SOURCE.read_text(encoding="utf-8"), True)
    pointers = [ctypes.c_void_p] * 4
    built.memory_blocks_train.argtypes = [*pointers, ctypes.c_double, *pointers[:2]]
    built.memory_blocks_train.restype = None
    return built
