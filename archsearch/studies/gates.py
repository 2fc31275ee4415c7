"""The three gates of the vanilla LSTM as factors: eight cells, with and without each, and what each gate does to the score.

Greff et al. (2017) take one gate away at a time. Four of the eight cells are theirs; the others show what gates do together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product

import msgspec
import numpy as np
from scipy.stats import t as student

from archsearch.cell import Cell
from archsearch.studies.odyssey import best_trials, tests_of
from archsearch.studies.random_search.training import SearchTrial

GATES = {"i": "input gate", "f": "forget gate", "o": "output gate"}
LEVEL = 0.95

KNOWN = {"ifo": "vanilla", "fo": "nig", "io": "nfg", "if": "nog"}
"""Gates -> the library's cell of them."""


class GateEffect(msgspec.Struct, frozen=True):
    """What a gate does to the test NLL, or several together do beyond each.

    Attributes:
        gates: Their letters.
        change: The mean with an even number of them missing, less the mean with an odd number: negative is better.
        low: Where its 95 % interval begins.
        high: Where it ends.
        p: Of no effect, by Welch's t-test.
    """

    gates: str
    change: float
    low: float
    high: float
    p: float


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


def gate_effects(trials: Mapping[str, Sequence[SearchTrial]]) -> list[GateEffect]:
    """Return the effects of the gates and their interactions on the best tenth of each cell's trials.

    Args:
        trials: Of each of the eight cells, by its gates. Nothing is said where one has fewer than two scores.
    """
    scores = {gates: np.array(tests_of(best_trials(own))) for gates, own in trials.items()}
    if min(map(len, scores.values())) < 2:
        return []
    found = ("".join(some) for count in (1, 2, 3) for some in combinations(GATES, count))
    return [_effect(gates, scores) for gates in found]


def _effect(gates: str, scores: Mapping[str, np.ndarray]) -> GateEffect:
    """Return a contrast of the eight means, with the degrees of freedom of Welch and Satterthwaite."""
    signs = {kept: (-1) ** sum(gate not in kept for gate in gates) / 4 for kept in scores}
    change = float(sum(sign * scores[kept].mean() for kept, sign in signs.items()))
    parts = {kept: sign**2 * scores[kept].var(ddof=1) / len(scores[kept]) for kept, sign in signs.items()}
    variance = sum(parts.values())
    if not variance:
        return GateEffect(gates, change, change, change, 1.0 if not change else 0.0)
    freedom = variance**2 / sum(part**2 / (len(scores[kept]) - 1) for kept, part in parts.items())
    error = variance**0.5
    reach = float(student.ppf((1 + LEVEL) / 2, freedom) * error)
    p = float(2 * student.sf(abs(change) / error, freedom))
    return GateEffect(gates, change, change - reach, change + reach, p)
