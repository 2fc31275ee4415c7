"""Which units mean something: the correlation of every unit's activation with the features of a text.

Units are the states of the layers; what is no output, such as an LSTM's c, is looked at through tanh, as the paper does.
They are chosen on the validation part, and the correlation that is told is that of the test part.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from archsearch.cell import Cell
from archsearch.studies.characters.features import FEATURES
from archsearch.studies.characters.gates import watched
from archsearch.studies.characters.model import CharModel
from archsearch.studies.characters.reading import part_to_read
from archsearch.studies.characters.text import Bytes, CharText
from archsearch.tasks.task import Numbers

Unit = tuple[int, str, int]
"""Layer from 1, state, number from 0."""


class Meaning(msgspec.Struct, frozen=True):
    """A unit that follows a feature.

    Attributes:
        feature: What it follows.
        layer: Its layer, from 1.
        state: Its state, as the cell calls it.
        unit: Its number in the layer, from 0.
        valid: Its correlation with the feature in the validation part, by which it was chosen.
        correlation: The same in the test part.
    """

    feature: str
    layer: int
    state: str
    unit: int
    valid: float
    correlation: float


def state_handles(cell: Cell) -> dict[str, int]:
    """Return for each state of the canonical form the handle of its next value."""
    live = cell.canonical()
    return {
        node.name or f"n{node.handle}": handle
        for node, handle in zip(live.state_nodes, live.next, strict=True)
    }


def meanings(model: CharModel, text: CharText, best: int = 3) -> list[Meaning]:
    """Return for each feature that varies in the text the units that follow it best.

    Args:
        model: A trained model.
        text: What it learned.
        best: How many.
    """
    valid, test = (_correlations(model, text, name) for name in ("valid", "test"))
    found = []
    for feature, rows in valid.items():
        units = sorted(rows, key=lambda unit: -abs(rows[unit]))[:best]
        known = [unit for unit in units if rows[unit] and feature in test]
        found += [
            Meaning(feature, *unit, valid=rows[unit], correlation=test[feature][unit]) for unit in known
        ]
    return found


def _correlations(model: CharModel, text: CharText, name: str) -> dict[str, dict[Unit, float]]:
    """Return the correlation of every unit with every feature that varies in a part."""
    part, before = part_to_read(text, name)
    content = text.alphabet[part]
    rows = {feature: number(content)[before - 1 : -1] for feature, number in FEATURES.items()}
    varying = {feature: row for feature, row in rows.items() if row.std() > 0}
    wanted = (np.array([(row - row.mean()) / row.std() for row in varying.values()])).reshape(
        len(varying), -1
    )
    sums: dict[tuple[int, str], list[Numbers]] = {}
    handles = state_handles(model.layers.cell)
    for places, counts, values in watched(model, part, before, handles.values()):
        marks = wanted[:, places[counts]]
        for layer, found in enumerate(values, 1):
            for state, handle in handles.items():
                rows_here = found[handle].numpy()[counts].astype(np.float64)
                active = rows_here if handle == model.layers.cell.canonical().next[0] else np.tanh(rows_here)
                added = [active.sum(axis=0), (active**2).sum(axis=0), marks @ active]
                old = sums.get((layer, state), [np.zeros(1)] * 3)
                sums[layer, state] = [one + more for one, more in zip(old, added, strict=True)]
    return {
        feature: {
            (layer, state, unit): float(value)
            for (layer, state), total in sums.items()
            for unit, value in enumerate(_normed(total, wanted.shape[1])[index])
        }
        for index, feature in enumerate(varying)
    }


def _normed(sums: list[Numbers], count: int) -> Numbers:
    first, second, products = sums
    spread = np.sqrt(np.maximum(second / count - (first / count) ** 2, 0))
    return np.where(spread > 1e-9, products / count / np.maximum(spread, 1e-9), 0.0)


def activations(model: CharModel, text: Bytes, before: int, units: Sequence[Unit]) -> Numbers:
    """Return what units say, in -1..1, after each symbol from the last of those before, shape (units, length - before).

    Args:
        model: What reads.
        text: Symbols, shape (length,).
        before: How many are only read, but for the last of them.
        units: Which.
    """
    handles, output = state_handles(model.layers.cell), model.layers.cell.canonical().next[0]
    found = np.zeros((len(units), len(text) - before))
    for places, counts, values in watched(model, text, before, set(handles.values())):
        for row, (layer, state, unit) in zip(found, units, strict=True):
            value = values[layer - 1][handles[state]].numpy()[counts][:, unit]
            row[places[counts]] = value if handles[state] == output else np.tanh(value)
    return found
