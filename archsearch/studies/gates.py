"""The three gates of the vanilla LSTM as factors: eight cells, with and without each, and what each gate does to the score.

Greff et al. (2017) take one gate away at a time. Four of the eight cells are theirs; the others show what gates do together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product

from archsearch.cell import Cell
from archsearch.studies.factors import Effect, contrast
from archsearch.studies.random_search.training import SearchTrial

GATES = {"i": "input gate", "f": "forget gate", "o": "output gate"}
KNOWN = {"ifo": "vanilla", "fo": "nig", "io": "nfg", "if": "nog"}
"""Gates -> the library's cell of them."""


def gated_cell(gates: str) -> Cell:
    """Return the vanilla LSTM with some of its gates, such as "io"; the others are 1."""
    name = KNOWN.get(gates, f"gates_{gates or 'none'}")
    lines = [f"cell {name}(x, h, c):", "z = tanh(linear(x) + linear(h, bias=none))"]
    lines += [
        f"{gate} = sigmoid(linear(x) + linear(h, bias=none) + scale(c))" for gate in gates if gate != "o"
    ]
    lines += [f"c' = {'z * i' if 'i' in gates else 'z'} + {'c * f' if 'f' in gates else 'c'}"]
    lines += ["o = sigmoid(linear(x) + linear(h, bias=none) + scale(c'))"] * ("o" in gates)
    return Cell.parse("\n    ".join([*lines, f"h' = tanh(c'){' * o' * ('o' in gates)}"]) + "\n")


def gated_cells() -> dict[str, Cell]:
    """Return the eight cells by their gates."""
    every = ("".join(kept) for kept in product(*(("", gate) for gate in GATES)))
    return {gates: gated_cell(gates) for gates in every}


def gate_effects(trials: Mapping[str, Sequence[SearchTrial]]) -> list[Effect]:
    """Return the effects of the gates and their interactions, named by the gates' letters.

    A change is the mean with an even number of the gates missing, less the mean with an odd number.

    Args:
        trials: Of each of the eight cells, by its gates. Nothing is said where one has fewer than two scores.
    """
    found = ("".join(some) for count in (1, 2, 3) for some in combinations(GATES, count))
    effects = [
        contrast(
            gates, {kept: (-1) ** sum(gate not in kept for gate in gates) / 4 for kept in trials}, trials
        )
        for gates in found
    ]
    return [effect for effect in effects if effect is not None]
