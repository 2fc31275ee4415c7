"""What is looked at in character models, part by part: errors, gates, units, closings, and the course of their training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from archsearch.studies.characters.closing import ClosingRow, closing_rows, ngram_baseline
from archsearch.studies.characters.contexts import Told
from archsearch.studies.characters.course import CoursePoint, course
from archsearch.studies.characters.dynamic import DynamicRow, Reading, dynamic_row
from archsearch.studies.characters.errors import Onion, onion
from archsearch.studies.characters.gates import Saturation, saturations
from archsearch.studies.characters.keeping import Record
from archsearch.studies.characters.model import CharModel
from archsearch.studies.characters.published import reported_for
from archsearch.studies.characters.reading import log_probabilities, part_to_read
from archsearch.studies.characters.sample import NeighbourRow, Sample, neighbour_rows, sample_of
from archsearch.studies.characters.scale import Gain, gains
from archsearch.studies.characters.text import CharText
from archsearch.studies.characters.units import Meaning, meanings
from archsearch.studies.characters.windows import WindowNetwork
from archsearch.tasks.task import Mask


class ModelErrors(msgspec.Struct, frozen=True):
    """The errors of a model.

    Attributes:
        model: What it is called.
        onion: What they are.
    """

    model: str
    onion: Onion


class ModelGates(msgspec.Struct, frozen=True):
    """The gates of a model.

    Attributes:
        model: What it is called.
        gates: How often they are saturated in the test part.
    """

    model: str
    gates: list[Saturation]


class ModelUnits(msgspec.Struct, frozen=True):
    """Units of a model that mean something.

    Attributes:
        model: What it is called.
        units: Those that follow each feature best.
    """

    model: str
    units: list[Meaning]


class ModelClosings(msgspec.Struct, frozen=True):
    """How likely a model finds the closings of brackets and quotes.

    Attributes:
        model: What it is called.
        rows: By pair and distance, in the test part.
    """

    model: str
    rows: list[ClosingRow]


class ModelCourse(msgspec.Struct, frozen=True):
    """What a model is like while it learns.

    Attributes:
        model: What it is called.
        points: After more and more steps.
    """

    model: str
    points: list[CoursePoint]


class ModelDynamic(msgspec.Struct, frozen=True):
    """What a model gains by learning while it is tested.

    Attributes:
        model: What it is called.
        row: With and without.
    """

    model: str
    row: DynamicRow


class ModelNeighbours(msgspec.Struct, frozen=True):
    """What lies together for a model.

    Attributes:
        model: What it is called.
        rows: By kind of place.
    """

    model: str
    rows: list[NeighbourRow]


class ModelScale(msgspec.Struct, frozen=True):
    """What the largest model of a cell no longer gets wrong of what the smallest does.

    Attributes:
        small: What the smallest is called.
        large: What the largest is called.
        times: How many times the parameters it has.
        gains: By kind of error.
    """

    small: str
    large: str
    times: float
    gains: list[Gain]


def _each(named: dict[str, CharModel], told: Told, what: str) -> Iterator[tuple[str, CharModel]]:
    """Yield models by what they are called, and tell what of theirs is looked at."""
    for name, model in named.items():
        told(f"{what} of {name}")
        yield name, model


def model_errors(text: CharText, named: dict[str, CharModel], hits: Mask, told: Told) -> list[ModelErrors]:
    """Return what the errors of models are, in the test part.

    Args:
        text: What they learned.
        named: The models by what they are called.
        hits: Where n-grams are right, as `ngram_hits` finds them.
        told: Told of progress.
    """
    paper, found = reported_for(text).errors, []
    for name, model in _each(named, told, "errors"):
        probabilities = np.exp(log_probabilities(model, *part_to_read(text)))
        found.append(ModelErrors(name, onion(text, probabilities, hits, paper)))
    return found


def model_gates(text: CharText, named: dict[str, CharModel], told: Told) -> list[ModelGates]:
    """Return how often the gates of models are saturated, in the test part.

    Args:
        text: What they learned.
        named: The models by what they are called.
        told: Told of progress.
    """
    return [
        ModelGates(name, saturations(model, *part_to_read(text)))
        for name, model in _each(named, told, "gates")
    ]


def model_units(text: CharText, named: dict[str, CharModel], told: Told) -> list[ModelUnits]:
    """Return which units of models follow a feature of the text.

    Args:
        text: What they learned.
        named: The models by what they are called.
        told: Told of progress.
    """
    return [ModelUnits(name, meanings(model, text)) for name, model in _each(named, told, "units")]


def model_closings(text: CharText, named: dict[str, CharModel], told: Told) -> list[ModelClosings]:
    """Return how likely models find the closings of brackets and quotes, beside the n-gram with the longest context.

    Args:
        text: What they learned.
        named: The models by what they are called.
        told: Told of progress.
    """
    told("the n-gram with the longest context")
    ngram, found = ngram_baseline(text), []
    for name, model in _each(named, told, "closings"):
        probabilities = np.exp(log_probabilities(model, *part_to_read(text)))
        found.append(ModelClosings(name, closing_rows(text, probabilities, ngram)))
    return found


def model_course(
    text: CharText, models: dict[str, Record], networks: Mapping[int, WindowNetwork], told: Told
) -> list[ModelCourse]:
    """Return what models are like while they learn; each is trained once more for it.

    Args:
        text: What they learn.
        models: How they were trained, by what they are called.
        networks: The n-NN that they are compared with, by n.
        told: Told of progress.
    """
    found = []
    for name, record in models.items():

        def at(step: int, name: str = name) -> None:
            told(f"{name} once more: step {step:,}")

        found.append(ModelCourse(name, course(text, record.recipe, record.steps, networks, at)))
    return found


def model_dynamic(
    text: CharText, named: dict[str, CharModel], reading: Reading, told: Told
) -> list[ModelDynamic]:
    """Return what models gain by learning while they are tested.

    Args:
        text: What they learned.
        named: The models by what they are called.
        reading: How they are tested.
        told: Told of progress.

    Raises:
        InputError: With no rate the validation loss is a number.
    """
    found = []
    for name, model in named.items():

        def at(rate: float, part: str, name: str = name) -> None:
            told(f"{name} learns at {rate:g} while it reads the {part} part")

        found.append(ModelDynamic(name, dynamic_row(model, text, reading, at)))
    return found


def model_samples(
    text: CharText, named: dict[str, CharModel], hits: Mask, seed: int, told: Told
) -> dict[str, Sample]:
    """Return what models hold and predict at the same places of the test part, by what they are called.

    Args:
        text: What they learned.
        named: The models by what they are called.
        hits: Where n-grams are right, as `ngram_hits` finds them.
        seed: Of the places.
        told: Told of progress.
    """
    return {name: sample_of(model, text, hits, seed) for name, model in _each(named, told, "places")}


def model_neighbours(samples: dict[str, Sample]) -> list[ModelNeighbours]:
    """Return what lies together for models, given their places by what they are called."""
    return [ModelNeighbours(name, neighbour_rows(sample)) for name, sample in samples.items()]


def model_scale(text: CharText, named: dict[str, CharModel], hits: Mask, told: Told) -> list[ModelScale]:
    """Return for each cell that has models of several sizes what the largest no longer gets wrong.

    Args:
        text: What they learned.
        named: The models by what they are called.
        hits: Where n-grams are right, as `ngram_hits` finds them.
        told: Told of progress.
    """
    found = []
    for cell in dict.fromkeys(model.layers.cell.id for model in named.values()):
        sizes = {name: model for name, model in named.items() if model.layers.cell.id == cell}
        small, *_, large = sorted(sizes, key=lambda name: sizes[name].parameter_total) * 2
        times = named[large].parameter_total / named[small].parameter_total
        if times > 1:
            two = model_errors(text, {small: named[small], large: named[large]}, hits, told)
            shares = gains(two[0].onion, two[1].onion, reported_for(text).gains)
            found.append(ModelScale(small, large, times, shares))
    return found
