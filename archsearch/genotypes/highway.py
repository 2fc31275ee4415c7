"""The recurrent cell that ENAS and DARTS search in: steps with a gate each, every one of which reads one step before it.

Pham, Guan, Zoph, Le and Dean 2018, "Efficient Neural Architecture Search via Parameter Sharing" (arXiv 1802.03268),
section 2.1, after the recurrent highway network; Liu, Simonyan and Yang 2019, "DARTS: Differentiable Architecture Search"
(arXiv 1806.09055), appendix. With W a matrix of its own wherever it stands and f₀ the activation of the step that reads x:

    s₀ = h + sigmoid(W x + W h) (f₀(W x + W h) - h)
    sᵢ = sⱼ + sigmoid(W sⱼ) (fᵢ(W sⱼ) - sⱼ)    where j < i is the predecessor of i

The next h is the mean of some steps. There are no biases.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from archsearch.cell import Cell
from archsearch.errors import CellError
from archsearch.words import did_you_mean

ACTIVATIONS = {"tanh": "tanh({})", "relu": "relu({})", "sigmoid": "sigmoid({})", "identity": "{}"}
"""Name -> how the language writes it; in the order in which ENAS numbers them."""

INPUT = "linear(x, bias=none) + linear(h, bias=none)"

HALVES = 4
"""Steps from which on their sum is written as two, as in the library: one line would be too long to read."""

NOTE_WIDTH = 110


@dataclass(frozen=True)
class Highway:
    """A cell of ENAS or DARTS.

    Attributes:
        steps: Activation and predecessor of the steps 1, 2, …
        ends: The steps whose mean is the next h.
        first: The activation of step 0.
    """

    steps: tuple[tuple[str, int], ...]
    ends: tuple[int, ...]
    first: str = "tanh"

    def __str__(self) -> str:
        """Return it in the words of a genotype of DARTS."""
        return f"recurrent={list(self.steps)}, concat={list(self.ends)}"


def highway_cell(highway: Highway, source: str, about: str) -> Cell:
    """Return the cell.

    Args:
        highway: Its steps.
        source: What errors call it.
        about: Where it comes from: its note.

    Raises:
        CellError: An activation or a step that is not there, or more steps than a cell may have nodes.
    """
    _check(highway, source)
    lines = [
        f"c0 = sigmoid({INPUT})",
        f"t0 = {ACTIVATIONS[highway.first].format(INPUT)}",
        "s0 = h + c0 * (t0 - h)",
    ]
    for step, (activation, predecessor) in enumerate(highway.steps, 1):
        s, product = f"s{predecessor}", f"linear(s{predecessor}, bias=none)"
        lines.append(
            f"s{step} = {s} + sigmoid({product}) * ({ACTIVATIONS[activation].format(product)} - {s})"
        )
    lines += _mean([f"s{step}" for step in highway.ends])
    cell = Cell.parse("\n    ".join(["cell imported(x, h):", *lines]), source)
    return cell.renamed(cell.name, textwrap.wrap(about, NOTE_WIDTH))


def _check(highway: Highway, source: str) -> None:
    last = len(highway.steps)
    for step, (activation, predecessor) in enumerate([(highway.first, 0), *highway.steps]):
        if activation not in ACTIVATIONS:
            hint = did_you_mean(activation, ACTIVATIONS)
            raise CellError(
                f"{source}: step {step} has activation {activation[:40]!r} (activations: {', '.join(ACTIVATIONS)}{hint})"
            )
        if step and not 0 <= predecessor < step:
            raise CellError(f"{source}: step {step} reads step {predecessor}; it can read 0 to {step - 1}")
    if not highway.ends:
        raise CellError(f"{source}: the cell puts out the mean of no step")
    for end in highway.ends:
        if not 0 <= end <= last:
            raise CellError(f"{source}: step {end} is put out; the steps are 0 to {last}")


def _mean(steps: Sequence[str]) -> list[str]:
    """Return the lines that put out the mean of some steps."""
    if len(steps) < HALVES:
        return [f"h' = ({' + '.join(steps)}) / {len(steps)}" if len(steps) > 1 else f"h' = {steps[0]}"]
    half = len(steps) // 2
    return [
        f"first = {' + '.join(steps[:half])}",
        f"last = {' + '.join(steps[half:])}",
        f"h' = (first + last) / {len(steps)}",
    ]
