"""An archive in memory, for trials that belong to no run."""

from __future__ import annotations

from archsearch.protocol.records import Outcome, Trial


class MemoryTrialLog:
    """Keeps outcomes for as long as a command runs; see `desk.TrialLog`."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.deaths: dict[str, int] = {}

    def outcome(self, key: str) -> Outcome | None:
        """Return how a trial ended."""
        return self.outcomes.get(key)

    def claim(self, trial: Trial, worker: int) -> int:
        """Begin an attempt."""
        return 1

    def finish(self, trial: Trial, attempt: int, outcome: Outcome) -> bool:
        """End an attempt."""
        self.outcomes[trial.key] = outcome
        return True

    def bury(self, trial: Trial, attempt: int, outcome: Outcome, most: int) -> bool:
        """Record a death, and with the last of `most` deaths the outcome; return whether it was the last."""
        self.deaths[trial.key] = self.deaths.get(trial.key, 0) + 1
        if self.deaths[trial.key] < most:
            return False
        self.outcomes[trial.key] = outcome
        return True

    def release(self, trial: Trial, attempt: int) -> None:
        """End an attempt that nobody began."""

    def take_over(self, trial: Trial, outcome: Outcome) -> None:
        """File a trial that was trained elsewhere."""
        self.outcomes[trial.key] = outcome

    def poisoned(self) -> set[str]:
        """Return the cells that killed two workers; none are known beforehand."""
        return set()
