"""How columns of numbers were brought to mean 0 and deviation 1: what whoever uses a trained model has to do again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archsearch.tasks.task import Numbers


@dataclass(frozen=True, slots=True)
class Scaling:
    """The columns that are learned from, with their figures in the training part.

    Attributes:
        columns: Their names; 1, 2, 3 … where they have none.
        mean: Of each.
        deviation: Of each, above 0.
        targets: The places of those that are predicted; none where something else is.
    """

    columns: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    targets: tuple[int, ...] = ()

    def scaled(self, rows: Numbers) -> Numbers:
        """Return rows as they are learned from; shape (..., columns) both."""
        result: Numbers = (np.asarray(rows, np.float64) - np.array(self.mean)) / np.array(self.deviation)
        return result

    def restored_variances(self, log_variances: Numbers) -> Numbers:
        """Return variances in the squares of the units of the file, of their logs; shape (..., targets) both."""
        result: Numbers = (
            np.exp(np.asarray(log_variances, np.float64)) * np.square(self.deviation)[list(self.targets)]
        )
        return result

    def restored(self, predicted: Numbers) -> Numbers:
        """Return predictions in the units of the file; shape (..., targets) both."""
        places = list(self.targets)
        result: Numbers = (
            np.asarray(predicted, np.float64) * np.array(self.deviation)[places] + np.array(self.mean)[places]
        )
        return result
