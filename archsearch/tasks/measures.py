"""What a task is scored by: how people call it, which way is better, and what a model has to say for it."""

from __future__ import annotations

from dataclasses import dataclass

from archsearch.tasks.task import Measure


@dataclass(frozen=True, slots=True)
class MeasureWords:
    """One row of MEASURES.

    Attributes:
        unit: Of a score, as an axis or a table names it.
        each: The same, with what it is of.
        about: What the score is, and which way is better.
        outputs: How many numbers a model says for one real target.
    """

    unit: str
    each: str
    about: str
    outputs: int = 1


MEASURES: dict[Measure, MeasureWords] = {
    "accuracy": MeasureWords("accuracy", "accuracy", "accuracy, higher is better"),
    "nll": MeasureWords(
        "nats", "nats a symbol", "negative log-likelihood in nats per symbol, lower is better"
    ),
    "mse": MeasureWords(
        "squared error",
        "squared error",
        "squared error of scaled columns, summed over those that are predicted, lower is better",
    ),
    "gaussian_nll": MeasureWords(
        "nats",
        "nats a step",
        "negative log-likelihood of scaled columns under normal distributions, in nats, summed over those that are "
        "predicted, lower is better; below 0 where densities are above 1",
        outputs=2,
    ),
}
"""Accuracy is scored by right answers, all others by a loss: lower is better."""
