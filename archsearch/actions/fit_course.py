"""What all trainings of a fit share, and the trainings themselves: settings compared, then the winner from several draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec import UNSET

from archsearch.actions.tasks import ResolvedTask
from archsearch.cell import Cell
from archsearch.errors import ArchsearchError
from archsearch.protocol.preset import Preset
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.settings import Setting
from archsearch.store.checkpoints import CheckpointFile, CheckpointFolder
from archsearch.training import Streams
from archsearch.training.checkpoint import CheckpointStorage
from archsearch.training.fitting import Fitted, Milestone, fitted
from archsearch.training.progress import quality_of, score_of

SHARE = 10
"""Settings are compared for one tenth of the steps."""


@dataclass(frozen=True, slots=True)
class Advance:
    """How far a fit has come.

    Attributes:
        doing: What is being trained, in words.
        step: Training steps of that.
        steps: Its budget.
        done: Steps of everything so far, those that were not needed included.
        total: Steps of everything.
        last: Its last validation score; None before the first.
        best: Its best one.
        ended: Whether that training has just ended.
    """

    doing: str
    step: int
    steps: int
    done: int
    total: int
    last: float | None
    best: float | None
    ended: bool = False


Advanced = Callable[[Advance], None]


@dataclass(frozen=True, eq=False)
class Contestant:
    """A cell and the settings that it may be trained under.

    Attributes:
        cell: The cell.
        settings: At least one; several are compared.
    """

    cell: Cell
    settings: tuple[Setting, ...]


@dataclass(eq=False)
class FitCourse:
    """How a task is trained on here.

    Attributes:
        task: The task with its rules.
        preset: What batch, unroll, schedule and width of x are from.
        streams: Its data.
        engine: What runs the cell, as records have it.
        machine: Where.
        seed: Of the training data and the initial weights.
        steps: Budget of a training.
        patience: Validations without a better one after which it ends.
        draws: How many initial weights are tried.
        checkpoints: Where trainings lie that have not ended; None keeps none.
        told: Told how far all is.
        done: Steps so far.
        total: Steps in all.
    """

    task: ResolvedTask
    preset: Preset
    streams: Streams
    engine: str
    machine: str
    seed: int
    steps: int
    patience: int
    draws: int
    checkpoints: CheckpointFolder | None
    told: Advanced
    done: int = 0
    total: int = 0

    @property
    def epoch(self) -> int:
        """Steps between two validations."""
        return min(self.task.rules.epoch_steps, self.steps)

    @property
    def short(self) -> int:
        """Steps for which settings are compared: whole epochs, so that the winner goes on from there."""
        return max(self.epoch, self.steps // SHARE // self.epoch * self.epoch)

    def cost(self, contestant: Contestant) -> int:
        """Return the steps of all trainings of a cell."""
        compared = len(contestant.settings) if len(contestant.settings) > 1 else 0
        return compared * self.short + self.draws * self.steps

    def train(self, contestant: Contestant) -> list[Fitted]:
        """Return the trainings of a cell under the best of its settings, one for each draw of initial weights.

        Raises:
            ArchsearchError: All of them diverged.
        """
        setting = self._best_setting(contestant)
        found = [
            self._fitted(contestant.cell, setting, draw, self.steps, self._draw_words(contestant.cell, draw))
            for draw in range(self.draws)
        ]
        if all(one.outcome.score is None for one in found):
            raise _diverged(contestant.cell, found, self.steps)
        return found

    def best(self, found: Sequence[Fitted]) -> int:
        """Return the place of the training with the best validation, the first of equals."""
        return max(range(len(found)), key=lambda place: (self._quality(found[place].outcome), -place))

    def _best_setting(self, contestant: Contestant) -> Setting:
        settings, name = contestant.settings, contestant.cell.name
        if len(settings) == 1:
            return settings[0]
        found = [
            self._fitted(
                contestant.cell, setting, 0, self.short, f"{name}: setting {number} of {len(settings)}"
            )
            for number, setting in enumerate(settings, 1)
        ]
        if all(one.outcome.score is None for one in found):
            raise _diverged(contestant.cell, found, self.short)
        return settings[self.best(found)]

    def _draw_words(self, cell: Cell, draw: int) -> str:
        return f"{cell.name}: draw {draw + 1} of {self.draws}" if self.draws > 1 else cell.name

    def _quality(self, outcome: Outcome) -> float:
        return (
            float("-inf") if outcome.score is None else quality_of(outcome.score, self.streams.task.measure)
        )

    def _fitted(self, cell: Cell, setting: Setting, draw: int, steps: int, doing: str) -> Fitted:
        trial, compared = self._trial(cell, setting, draw, steps), steps < self.steps

        def told(reached: Milestone, ended: bool = False) -> None:
            last, best = (
                None if point is None else score_of(point, trial.measure)
                for point in (reached.last, reached.best)
            )
            done = self.done + reached.step
            self.told(
                Advance(doing, reached.step, steps, done, self.total, last=last, best=best, ended=ended)
            )

        storage = None if self.checkpoints is None else _storage(self.checkpoints, trial, compared)
        found = fitted(
            trial,
            cell,
            self.streams,
            patience=self.patience,
            storage=storage,
            told=told,
            compared=compared,
        )
        curve = found.outcome.curve
        best = next((point for point in curve if point.step == found.outcome.best_step), None)
        self.done += steps - found.outcome.steps
        told(Milestone(found.outcome.steps, curve[-1] if curve else None, best), ended=True)
        self.done += found.outcome.steps
        return found

    def _trial(self, cell: Cell, setting: Setting, draw: int, steps: int) -> Trial:
        rules, training, task = self.task.rules, self.preset.training, self.streams.task
        return Trial(
            cell=cell.id,
            task=task.name,
            setting=setting,
            seed=self.seed,
            init_draw=draw,
            measure=task.measure,
            steps=steps,
            epoch_steps=self.epoch,
            batch=training.batch,
            unroll=training.unroll,
            validation=rules.validation,
            data=task.checksum,
            engine=self.engine,
            machine=self.machine,
            schedule=training.schedule,
            x_width=training.own_width or UNSET,
        )


class _Continuation:
    """The checkpoint of a training that begins where a comparison has ended, and is kept apart from it.

    Args:
        own: Its own.
        before: That of the comparison, which is left as it is: it is asked for again when all is begun again.

    Attributes:
        own, before: The same.
    """

    def __init__(self, own: CheckpointFile, before: CheckpointFile) -> None:
        self.own, self.before = own, before

    def read(self) -> bytes | None:
        """Return what lies furthest."""
        return self.own.read() or self.before.read()

    def write(self, content: bytes) -> None:
        """Put something into its own."""
        self.own.write(content)


def _storage(checkpoints: CheckpointFolder, trial: Trial, is_compared: bool) -> CheckpointStorage:
    """Return where a training goes on from, and what it reaches lies."""
    before = CheckpointFolder(checkpoints.folder / "compared").slot(trial)
    return before if is_compared else _Continuation(checkpoints.slot(trial), before)


def _diverged(cell: Cell, found: Sequence[Fitted], steps: int) -> ArchsearchError:
    reason = found[0].outcome.reason
    many = "its only training" if len(found) == 1 else f"all {len(found)} trainings"
    return ArchsearchError(
        f"{cell.name}: {many} of {steps:,} steps diverged ({reason}); give a smaller --rate, or a smaller --clip"
    )
