"""Checks what a user's own task yields: every array of every window."""

import reprlib
from typing import Any, Literal

import numpy as np

from archsearch.errors import TaskError
from archsearch.tasks.task import Mask, Numbers, Symbols, Window

Real = Literal["", "inputs", "targets", "both"]
"""Which of a window's arrays hold real numbers."""


def checked_window(
    given: Any, symbols: int, batch: int, unroll: int, *, where: str, real: Real = ""
) -> Window:
    """Return what a user yielded as a window, or raise TaskError saying what is wrong with it.

    Args:
        given: What was yielded.
        symbols: How many there are.
        batch: B.
        unroll: T.
        where: Of what an error speaks.
        real: Which of the arrays hold real numbers.
    """
    if not isinstance(given, tuple | list) or len(given) not in (3, 4):
        raise TaskError(
            f"{where}: expected (inputs, targets, scored) or (inputs, targets, scored, reset), got {reprlib.repr(given)}"
        )
    inputs, targets = (
        _checked_numbers(name, array, symbols, where)
        if real in (name, "both")
        else _checked_symbols(name, array, symbols, where)
        for name, array in zip(("inputs", "targets"), given, strict=False)
    )
    masks = [
        _checked_mask(name, array, where)
        for name, array in zip(("scored", "reset"), given[2:], strict=False)
        if array is not None or name == "scored"
    ]
    for name, array in zip(("inputs", "targets", "scored", "reset"), (inputs, targets, *masks), strict=False):
        many = real == name or (real == "both" and name in ("inputs", "targets"))
        if array.ndim != 2 + many or array.shape[1] != batch or not 1 <= array.shape[0] <= unroll:
            shape = f"(T, {batch}, how many)" if many else f"(T, {batch})"
            raise TaskError(
                f"{where}: {name} has shape {array.shape}; it must be {shape} with T from 1 to {unroll}"
            )
        if array.shape[:2] != inputs.shape[:2]:
            raise TaskError(f"{where}: {name} has shape {array.shape}, inputs have {inputs.shape}")
    return Window(inputs, targets, *masks)


def _checked_symbols(name: str, given: Any, symbols: int, where: str) -> Symbols:
    array = _array(name, given, where)
    if array.dtype.kind not in "iu":
        raise TaskError(f"{where}: {name} must be whole numbers, got {array.dtype}")
    if array.size and (array.min() < 0 or array.max() >= symbols):
        raise TaskError(
            f"{where}: {name} goes from {array.min()} to {array.max()}; symbols are 0 to {symbols - 1}"
        )
    return array.astype(np.int64)


def _checked_numbers(name: str, given: Any, most: int, where: str) -> Numbers:
    array = _array(name, given, where)
    if array.dtype.kind not in "iuf":
        raise TaskError(f"{where}: {name} must be real numbers, got {array.dtype}")
    if array.ndim == 3 and not 1 <= array.shape[2] <= most:
        raise TaskError(f"{where}: {name} has {array.shape[2]} numbers a step; symbols allows 1 to {most}")
    if not np.isfinite(array).all():
        raise TaskError(f"{where}: {name} holds a number that is not finite")
    return array.astype(np.float64)


def _checked_mask(name: str, given: Any, where: str) -> Mask:
    array = _array(name, given, where)
    if array.dtype != np.bool_:
        raise TaskError(f"{where}: {name} must be True or False, got {array.dtype}")
    return array


def _array(name: str, given: Any, where: str) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(given)
    except ValueError as error:
        raise TaskError(f"{where}: {name} is no array: {error}") from None
