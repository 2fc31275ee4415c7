"""How soon Newton's method has all states of a sequence at once, and how fast the sequence forgets where it began.

The method, and its equations, are those of the engine `compiler.newton`, here for any cell, with whole Jacobians. After k
steps the first k states are exact whatever f is, so it needs T of them at most; how many it needs follows the
largest Lyapunov exponent, ln |ds_T / ds_0| / T (Gonzalez et al. 2025): a sequence that forgets is found soon.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from archsearch.compiler import Recurrent
from archsearch.studies.lags.jacobians import log_norms
from archsearch.studies.step_jacobians import after_step, in_double, jacobians, spans, states_along

TOLERANCE = 1e-4
"""States agree whose entries all differ by no more."""

Steps = dict[int, int | None]
"""Length -> Newton steps K*; None where those allowed were not enough."""


def newton_steps(layer: Recurrent, x: Tensor, lengths: Sequence[int], most: int) -> Steps:
    """Return for each length the first Newton step after which all states agree with those computed one after another.

    The first guess is zeros. No state depends on a later one, so the beginning of a sequence is found as if nothing
    followed, and one run answers for all lengths.

    Args:
        layer: One layer, one direction.
        x: What it reads, shape (T, I).
        lengths: Of beginnings of x, at most T.
        most: Newton steps at most.
    """
    copy, rows = in_double(layer), x.detach().double()
    exact = states_along(copy, rows)
    guess = torch.zeros_like(exact)
    found: Steps = dict.fromkeys(sorted(lengths))
    for count in range(1, most + 1):
        if not (open_lengths := [length for length, steps in found.items() if steps is None]):
            break
        longest = open_lengths[-1]
        guess = newton_step(copy, rows[:longest], guess[: longest + 1])
        agrees = ((guess - exact[: longest + 1]).abs() <= TOLERANCE).all(1)
        known = int(agrees.long().cumprod(0).sum()) - 1
        found |= {length: count for length in open_lengths if length <= known}
    return found


@torch.no_grad()
def newton_step(layer: Recurrent, x: Tensor, guess: Tensor) -> Tensor:
    """Return the next guess of the states before each step and after the last, shape (T + 1, width).

    Args:
        layer: In double precision.
        x: What it reads, shape (T, I).
        guess: The guess before; the first states are known.
    """
    found = [guess[0]]
    for span in spans(len(x), guess.shape[1]):
        at = guess[:-1][span]
        slopes = jacobians(layer, x[span], at)
        for reached, slope, before in zip(after_step(layer, x[span], at), slopes, at, strict=True):
            found.append(torch.addmv(reached, slope, found[-1] - before))
    return torch.stack(found)


def largest_exponent(layer: Recurrent, x: Tensor) -> float | None:
    """Return the largest Lyapunov exponent over a sequence from zero states, nats a step; None where
    |ds_T / ds_0| is 0 or no number.

    Args:
        layer: One layer, one direction.
        x: What it reads, shape (T, I).
    """
    norm = log_norms(layer, x, [len(x)], of_all=True)[len(x)]
    return None if norm is None else norm * math.log(10) / len(x)
