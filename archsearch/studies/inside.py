"""Character models looked into, after Karpathy, Johnson, Fei-Fei (2015), "Visualizing and Understanding Recurrent Networks".

Trained models and their losses beside the paper's; `inside_look` looks into them, part by part.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from archsearch.cell import Cell
from archsearch.studies.characters.contexts import Told
from archsearch.studies.characters.keeping import Record
from archsearch.studies.characters.model import CharModel
from archsearch.studies.characters.published import reported_for
from archsearch.studies.characters.reading import log_probabilities, part_to_read
from archsearch.studies.characters.recipe import Recipe, recipe_for
from archsearch.studies.characters.text import CharText
from archsearch.studies.characters.training import epoch_windows, trained_or_resumed
from archsearch.words import short_id


class Budget(msgspec.Struct, frozen=True):
    """How long models are trained, and where they are kept.

    Attributes:
        folder: Where.
        epochs: How often the training part is read.
        steps: Training steps, instead.
        seed: Of initial weights.
    """

    folder: Path
    epochs: int
    steps: int | None = None
    seed: int = 0


class ModelRow(msgspec.Struct, frozen=True):
    """A character model, and what it came to.

    Attributes:
        cell: The name of its cell.
        layers: How many.
        units: Width of each.
        parameters: Numbers that it learns.
        epochs: How many it was trained for.
        steps: Training steps.
        valid: Validation loss, in nats a symbol.
        loss: Test loss, in nats a symbol.
        paper: The paper's, None where it has none.
        speed: Symbols a second of processor time, in training.
    """

    cell: str
    layers: int
    units: int
    parameters: int
    epochs: float
    steps: int
    valid: float
    loss: float
    paper: float | None
    speed: float


def steps_for(text: CharText, recipe: Recipe, epochs: int, steps: int | None) -> int:
    """Return the budget of a training, in steps.

    Args:
        text: What is learned.
        recipe: How.
        epochs: How often the training part is read.
        steps: The budget itself, if it is said.
    """
    return steps or epochs * len(epoch_windows(text.train, recipe))


def model_row(text: CharText, cell: Cell, model: CharModel, record: Record) -> ModelRow:
    """Return what a trained model came to.

    Args:
        text: What it learned.
        cell: Its cell.
        model: The model.
        record: How the training went.
    """
    recipe, best = record.recipe, record.best
    assert best is not None
    return ModelRow(
        cell=cell.name,
        layers=recipe.layers,
        units=recipe.units,
        parameters=model.parameter_total,
        epochs=record.curve[-1].epoch,
        steps=record.steps,
        valid=best.valid,
        loss=-float(log_probabilities(model, *part_to_read(text)).mean()),
        paper=reported_for(text).model(cell.name, recipe.units, recipe.layers),
        speed=record.symbols / max(record.seconds, 1e-9),
    )


def trained_model(
    text: CharText, cell: Cell, size: tuple[int, int], budget: Budget, told: Told
) -> tuple[CharModel, Record]:
    """Return a model that has been trained, now or before.

    Args:
        text: What is learned.
        cell: The cell.
        size: Layers and units.
        budget: How long, and where it is kept.
        told: Told of progress.
    """
    layers, units = size
    recipe = recipe_for(cell, text, layers, units, seed=budget.seed)
    steps = steps_for(text, recipe, budget.epochs, budget.steps)

    def progressed(done: int, loss: float) -> None:
        told(f"{cell.name} {layers}x{units}: step {done:,} of {steps:,}, loss {loss:.3f}")

    return trained_or_resumed(text, recipe, steps, budget.folder, progressed)


def model_name(cell: Cell, record: Record) -> str:
    """Return what a model is called: `lstm 1x128`."""
    return f"{cell.name} {record.recipe.layers}x{record.recipe.units}"


def model_names(models: Sequence[tuple[Cell, CharModel, Record]]) -> list[str]:
    """Return what models are called, with the beginning of the cell's id where two would be called the same."""
    names = [model_name(cell, record) for cell, _, record in models]
    return [
        name if names.count(name) == 1 else f"{name} {short_id(cell.id)}"
        for name, (cell, _, _) in zip(names, models, strict=True)
    ]
