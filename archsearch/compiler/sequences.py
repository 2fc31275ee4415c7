"""Ways through a sequence that every engine has: of one length or packed of several lengths, forward or backwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import torch
from torch import Tensor

States = tuple[Tensor, ...]
Run = Callable[[Tensor, States, Tensor | None], tuple[Tensor, States]]
"""Runs one layer in one direction: x (T, B, I), states (B, n) and `reset`, to the output (T, B, n) and the last states."""

Through = Callable[[Run, Tensor, States, bool], tuple[Tensor, States]]
"""Takes a layer through a sequence from its states, backwards or not."""


def through_padded(reset: Tensor | None) -> Through:
    """Return the way through sequences of one length, (T, B, I), with states zeroed where `reset`, (T, B), says so."""

    def through(run: Run, x: Tensor, states: States, backward: bool) -> tuple[Tensor, States]:
        return (_backwards(run) if backward else run)(x, states, reset)

    return through


def through_packed(sizes: Sequence[int]) -> Through:
    """Return the way through the rows of a PackedSequence, (rows, I), with so many sequences at each step."""

    def through(run: Run, data: Tensor, states: States, backward: bool) -> tuple[Tensor, States]:
        return (_run_packed_backwards if backward else _run_packed)(run, data, sizes, states)

    return through


def _backwards(run: Run) -> Run:
    """Return the layer that reads from the last step to the first.

    A `reset` before a step parts two sequences: going back, states are zeroed after that step, before the one ahead of it.
    """

    def run_backwards(x: Tensor, states: States, reset: Tensor | None) -> tuple[Tensor, States]:
        if reset is not None:
            reset = torch.cat([reset[1:], torch.zeros_like(reset[:1])]).flip(0)
        output, after = run(x.flip(0), states, reset)
        return output.flip(0), after

    return run_backwards


def _run_packed(run: Run, data: Tensor, sizes: Sequence[int], states: States) -> tuple[Tensor, States]:
    """Run forward over packed sequences, the longest first.

    Args:
        run: The layer.
        data: The rows of a PackedSequence, step by step.
        sizes: How many sequences there are at each step; never more than at the one before.
        states: Those before the first step, (B, n) each.

    Returns:
        The output's rows, and the states after the last step of each sequence.
    """
    outputs, done = [], []
    for x in _blocks(data, sizes):
        done.append(tuple(state[x.shape[1] :] for state in states))
        output, states = run(x, tuple(state[: x.shape[1]] for state in states), None)
        outputs.append(output.flatten(0, 1))
    after = tuple(torch.cat(parts) for parts in zip(states, *reversed(done), strict=True))
    return torch.cat(outputs), after


def _run_packed_backwards(
    run: Run, data: Tensor, sizes: Sequence[int], states: States
) -> tuple[Tensor, States]:
    """Run over packed sequences from the last step of each to the first; else as `_run_packed`.

    Args:
        run: The layer.
        data: The rows of a PackedSequence, step by step, shape (rows, I).
        sizes: How many sequences there are at each step; never more than at the one before.
        states: Those before the last step, shape (B, n) each.
    """
    outputs: list[Tensor] = []
    current = tuple(state[:0] for state in states)
    for x in reversed(list(_blocks(data, sizes))):
        begun, wanted = current[0].shape[0], x.shape[1]
        joined = zip(current, states, strict=True)
        current = tuple(torch.cat([now, start[begun:wanted]]) for now, start in joined)
        output, current = _backwards(run)(x, current, None)
        outputs.append(output.flatten(0, 1))
    return torch.cat(outputs[::-1]), current


def _blocks(data: Tensor, sizes: Sequence[int]) -> Iterator[Tensor]:
    """Yield the rows as (steps, sequences, I) for each run of steps with equally many sequences."""
    start = 0
    for size, steps in groupby(sizes):
        count = len(list(steps))
        yield data[start : start + count * size].view(count, size, data.shape[-1])
        start += count * size
