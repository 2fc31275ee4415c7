"""A look into character models: which parts there are, and what several of them need."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from archsearch.cell import Cell
from archsearch.studies import inside_parts as parts_of
from archsearch.studies.characters.contexts import Told, context_rows
from archsearch.studies.characters.dynamic import Reading
from archsearch.studies.characters.errors import ngram_hits
from archsearch.studies.characters.keeping import Record
from archsearch.studies.characters.model import CharModel
from archsearch.studies.characters.sample import Sample
from archsearch.studies.characters.text import CharText
from archsearch.studies.characters.windows import WindowNetwork, trained_windows
from archsearch.studies.inside import Budget, model_names, model_row, trained_model
from archsearch.tasks.task import Mask


@dataclass(frozen=True)
class Look:
    """Models of a text; what more than one part needs is made when the first of them asks for it, and once.

    Attributes:
        text: What they learn.
        cells: Their cells.
        sizes: Layers and units of each; there is a model for every cell and size.
        budget: How long they are trained, where they are kept, and the seed.
        window_steps: Training steps of the networks that see a few symbols; 0 for none.
        reading: How dynamic evaluation is made.
        told: Told of progress.
    """

    text: CharText
    cells: Collection[Cell]
    sizes: Collection[tuple[int, int]]
    budget: Budget
    window_steps: int
    reading: Reading
    told: Told

    @cached_property
    def networks(self) -> dict[int, WindowNetwork]:
        """The networks that see the last few symbols, by how many."""
        return trained_windows(self.text, self.window_steps, self.told)

    @cached_property
    def models(self) -> list[tuple[Cell, CharModel, Record]]:
        """The models with their cells and how they were trained."""
        return [
            (cell, *trained_model(self.text, cell, size, self.budget, told=self.told))
            for cell, size in product(self.cells, self.sizes)
        ]

    @property
    def named(self) -> dict[str, CharModel]:
        """The models by what they are called."""
        return {
            name: model for name, (_, model, _) in zip(model_names(self.models), self.models, strict=True)
        }

    @property
    def records(self) -> dict[str, Record]:
        """How they were trained, by what they are called."""
        return {
            name: record for name, (_, _, record) in zip(model_names(self.models), self.models, strict=True)
        }

    @cached_property
    def hits(self) -> Mask:
        """Where n-grams are right."""
        self.told("n-grams of up to nine symbols")
        return ngram_hits(self.text)

    @cached_property
    def samples(self) -> dict[str, Sample]:
        """What models hold and predict at places of the text, by what they are called."""
        return parts_of.model_samples(self.text, self.named, self.hits, self.budget.seed, self.told)


LOOKS: dict[str, Callable[[Look], list[Any]]] = {
    "ngrams": lambda look: context_rows(look.text, look.told, look.networks),
    "losses": lambda look: [model_row(look.text, *model) for model in look.models],
    "gates": lambda look: parts_of.model_gates(look.text, look.named, look.told),
    "units": lambda look: parts_of.model_units(look.text, look.named, look.told),
    "closings": lambda look: parts_of.model_closings(look.text, look.named, look.told),
    "errors": lambda look: parts_of.model_errors(look.text, look.named, look.hits, look.told),
    "scale": lambda look: parts_of.model_scale(look.text, look.named, look.hits, look.told),
    "course": lambda look: parts_of.model_course(look.text, look.records, look.networks, look.told),
    "dynamic": lambda look: parts_of.model_dynamic(look.text, look.named, look.reading, look.told),
    "neighbours": lambda look: parts_of.model_neighbours(look.samples),
}
"""What each part finds, in the order in which they are looked at and printed."""


def looked(look: Look, parts: Collection[str]) -> dict[str, list[Any]]:
    """Return what some parts find, in the order of the table."""
    return {part: find(look) for part, find in LOOKS.items() if part in parts}
