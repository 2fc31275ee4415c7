"""What a fit came to: the model, its scores, and a row for each training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsearch.actions.tabular import Records
from archsearch.models import Config, TrainedModel
from archsearch.models.config import Draw, test_score


@dataclass(frozen=True, eq=False)
class Fit:
    """A trained model, and how it came about.

    Attributes:
        model: The model with the best validation.
        config: All that is known of it.
        folder: Where it was written; None if nowhere.
        beside: The same of the cell that was trained beside it; None without one.
    """

    model: TrainedModel
    config: Config
    folder: Path | None = None
    beside: Fit | None = None

    @property
    def draw(self) -> Draw:
        """The training that the model's weights are of."""
        return self.config.draws[self.config.chosen]

    @property
    def validation(self) -> float:
        """The best validation score, by which the model was chosen."""
        score = self.draw.outcome.score
        assert score is not None
        return score

    @property
    def test(self) -> float | None:
        """The score on the test set; None where it is not finite."""
        return test_score(self.draw.outcome, self.config.measure)

    def records(self) -> Records:
        """Return a row for each draw of initial weights: how its training ended."""
        return Records(
            {
                "draw": draw.trial.init_draw,
                "status": draw.outcome.status,
                "validation": draw.outcome.score,
                "test": test_score(draw.outcome, self.config.measure),
                "best_step": draw.outcome.best_step,
                "steps": draw.outcome.steps,
                "chosen": place == self.config.chosen,
            }
            for place, draw in enumerate(self.config.draws)
        )

    def as_document(self) -> dict[str, Any]:
        """Return all that `archsearch fit --json` prints."""
        return self._own() | {
            "folder": None if self.folder is None else str(self.folder),
            "command": self.config.command,
            "beside": None if self.beside is None else self.beside._own(),
        }

    def _own(self) -> dict[str, Any]:
        config = self.config
        return {
            "cell": config.name,
            "id": config.cell,
            "task": config.task,
            "measure": config.measure,
            "units": config.units,
            "parameters": self.draw.outcome.parameters,
            "setting": config.setting.as_dict(),
            "validation": self.validation,
            "test": self.test,
            "floor": config.floor,
            "ceiling": config.ceiling,
            "draws": list(self.records()),
        }
