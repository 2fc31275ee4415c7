"""Where outcomes are filed: the trials of a run (`store.tables.TrialTable`), or memory for trials that belong to no run."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from archsearch.protocol.records import Outcome, Subject, Trial


class TrialLog(Protocol):
    """Keeps outcomes, attempts and deaths; what it says has ended stays so."""

    def group(self) -> AbstractContextManager[None]:
        """Keep all that is filed until the end in one go."""

    def outcome(self, key: str) -> Outcome | None:
        """Return how a trial ended, None while it has not."""

    def claim(self, trial: Trial, worker: int) -> int:
        """Begin an attempt by the worker with this process id; return the attempt's number, from 1."""

    def finish(self, trial: Trial, attempt: int, outcome: Outcome) -> bool:
        """End an attempt; return whether it counted.

        Args:
            trial: The trial.
            attempt: As `claim` numbered it.
            outcome: How it ended.
        """

    def bury(self, trial: Trial, attempt: int, outcome: Outcome, most: int) -> bool:
        """Record a death, and with the last of `most` deaths the outcome; return whether it was the last.

        Args:
            trial: The trial.
            attempt: As `claim` numbered it.
            outcome: What the trial ends with if this death is its last.
            most: Deaths that a trial may have.
        """

    def release(self, trial: Trial, attempt: int) -> None:
        """End an attempt that its worker never began."""

    def take_over(self, trial: Trial, outcome: Outcome) -> None:
        """File a trial that was trained elsewhere."""

    def poisoned(self) -> set[Subject]:
        """Return what killed two workers."""


class MemoryTrialLog:
    """A `TrialLog` that lasts as long as the process.

    Attributes:
        outcomes: How trials ended, by key.
        deaths: How many workers died of a trial, by key.
    """

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.deaths: dict[str, int] = {}

    def group(self) -> AbstractContextManager[None]:
        """Do nothing: everything is kept at once."""
        return nullcontext()

    def outcome(self, key: str) -> Outcome | None:
        """Return how a trial ended, None while it has not."""
        return self.outcomes.get(key)

    def claim(self, trial: Trial, worker: int) -> int:
        """Begin an attempt; they are not numbered here."""
        return 1

    def finish(self, trial: Trial, attempt: int, outcome: Outcome) -> bool:
        """End an attempt.

        Args:
            trial: The trial.
            attempt: Of no matter here.
            outcome: How it ended.
        """
        self.outcomes[trial.key] = outcome
        return True

    def bury(self, trial: Trial, attempt: int, outcome: Outcome, most: int) -> bool:
        """Record a death, and with the last of `most` deaths the outcome; return whether it was the last.

        Args:
            trial: The trial.
            attempt: Of no matter here.
            outcome: What the trial ends with if this death is its last.
            most: Deaths that a trial may have.
        """
        self.deaths[trial.key] = self.deaths.get(trial.key, 0) + 1
        if self.deaths[trial.key] < most:
            return False
        self.outcomes[trial.key] = outcome
        return True

    def release(self, trial: Trial, attempt: int) -> None:
        """End an attempt that its worker never began."""

    def take_over(self, trial: Trial, outcome: Outcome) -> None:
        """File a trial that was trained elsewhere."""
        self.outcomes[trial.key] = outcome

    def drop(self, key: str) -> None:
        """Forget a trial, so that it can be trained again."""
        self.outcomes.pop(key, None)
        self.deaths.pop(key, None)

    def poisoned(self) -> set[Subject]:
        """Return what killed two workers: nothing is known beforehand."""
        return set()
