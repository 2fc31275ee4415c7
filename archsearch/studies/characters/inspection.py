"""A model that a person trains on a text, and the page that shows what its units say."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from archsearch.errors import InputError
from archsearch.studies.characters.keeping import Record
from archsearch.studies.characters.model import CharModel
from archsearch.studies.characters.page import page
from archsearch.studies.characters.reading import EARLY
from archsearch.studies.characters.text import Bytes, CharText
from archsearch.studies.characters.units import Meaning, Unit, activations, meanings, state_handles
from archsearch.tasks.task import Numbers

SHOWN = 3_000
"""Bytes of the test part on a page."""
LEAST = 0.1
"""A unit that is less correlated with a feature follows nothing, and is shown only where it is asked for."""


class Inspection(msgspec.Struct, frozen=True):
    """What was seen.

    Attributes:
        units: Those that follow a feature best.
        page: The page, of HTML.
        content: The bytes that it shows, shape (length,).
        shown: What each unit on it is called, and what it says after each byte, shape (length,).
    """

    units: list[Meaning]
    page: str
    content: Bytes
    shown: list[tuple[str, Numbers]]


def inspection(
    name: str, model: CharModel, record: Record, text: CharText, wanted: Sequence[Unit] = ()
) -> Inspection:
    """Return what a trained model's units say.

    Args:
        name: What the model is called.
        model: The model.
        record: How its training went.
        text: What it learned.
        wanted: The units to show; the one that follows each feature best if none.

    Raises:
        InputError: There is no such unit.
    """
    for unit in wanted:
        _check(unit, model)
    found = meanings(model, text)
    best = {meaning.feature: meaning for meaning in reversed(found)}
    titles: dict[Unit, str] = {}
    for meaning in [] if wanted else reversed(best.values()):
        if abs(meaning.valid) < LEAST:
            continue
        unit = meaning.layer, meaning.state, meaning.unit
        said = f"{meaning.feature} (correlation {meaning.correlation:+.2f})"
        titles[unit] = f"{titles[unit]}; {said}" if unit in titles else f"{unit_name(unit)}: {said}"
    first = (1, next(iter(state_handles(model.layers.cell))), 0)
    titles |= {unit: unit_name(unit) for unit in wanted or ([] if titles else [first])}
    end = min(len(text.symbols) - 1, text.test + SHOWN)
    start = text.test - min(EARLY + 1, text.test)
    values = activations(model, text.symbols[start : end + 1], text.test - start + 1, list(titles))
    content = text.alphabet[text.symbols[text.test : end]]
    shown = list(zip(titles.values(), values, strict=True))
    best_loss = record.best
    notes = [
        f"{text.name}, the first {len(content):,} bytes of its last tenth, which it has not learned from."
    ]
    if best_loss is not None:
        notes.append(f"{record.steps:,} training steps; validation loss {best_loss.valid:.3f} nats a byte.")
    notes.append("Correlations: over the whole last tenth; the units were chosen on the tenth before it.")
    return Inspection(found, page(f"Units of {name}", notes, content, shown), content, shown)


def unit_name(unit: Unit) -> str:
    """Return what a unit is called: `layer 1, h 17`."""
    layer, state, number = unit
    return f"layer {layer}, {state} {number}"


def unit_of(said: str) -> Unit:
    """Return the unit that is written as LAYER:STATE:NUMBER, such as 1:c:17.

    Raises:
        InputError: It is not written so.
    """
    parts = said.split(":")
    if len(parts) == 3 and parts[0].isdecimal() and parts[2].isdecimal() and len(parts[0] + parts[2]) < 12:
        return int(parts[0]), parts[1], int(parts[2])
    raise InputError(f"--unit {said!r}: write LAYER:STATE:NUMBER, such as 1:c:17")


def _check(unit: Unit, model: CharModel) -> None:
    layer, state, number = unit
    layers, width, states = (
        model.layers.num_layers,
        model.layers.hidden_size,
        state_handles(model.layers.cell),
    )
    if not 1 <= layer <= layers or state not in states or not 0 <= number < width:
        raise InputError(
            f"--unit {layer}:{state}:{number}: no such unit; layers 1 to {layers}, states {', '.join(states)}, "
            f"numbers 0 to {width - 1}"
        )
