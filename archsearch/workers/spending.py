"""Where the core time of a search goes: what its trials were for, and which part of them took how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from archsearch.protocol.records import Trial
from archsearch.protocol.seeds import FRESH

Purpose = Literal["references", "clones", "filter", "candidates", "verdict"]


class Spending:
    """Adds up the seconds of trials, over all workers.

    Args:
        references: The ids of the cells that are trained for comparison.

    Attributes:
        references: The same.
        seconds: By what the trials were for and the part of them.
        trials: How many there were, by what they were for.
    """

    def __init__(self, references: frozenset[str] = frozenset()) -> None:
        self.references = references
        self.seconds: dict[Purpose, dict[str, float]] = {}
        self.trials: dict[Purpose, int] = {}

    def purpose(self, trial: Trial) -> Purpose:
        """Return what a trial is for."""
        if trial.seed >= FRESH:
            return "verdict"
        if trial.stop_at is not None:
            return "filter"
        if trial.init_draw:
            return "clones"
        return "references" if trial.cell in self.references else "candidates"

    def add(self, trial: Trial, spent: Mapping[str, float]) -> None:
        """Count a trial that has ended.

        Args:
            trial: Its record.
            spent: Seconds by the part of it.
        """
        purpose = self.purpose(trial)
        self.trials[purpose] = self.trials.get(purpose, 0) + 1
        seconds = self.seconds.setdefault(purpose, {})
        for part, more in spent.items():
            seconds[part] = seconds.get(part, 0.0) + more


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time of the workers went in one session of a search.

    Attributes:
        offered: Seconds that workers were there, all together.
        waited: How many of these they waited for work.
        seconds: How many went to trials, by what these were for and the part of them.
        trials: How many trials ended, by what they were for.
        driver: Seconds of a core that the driver took besides.
    """

    offered: float
    waited: float
    seconds: dict[Purpose, dict[str, float]]
    trials: dict[Purpose, int]
    driver: float

    @property
    def other(self) -> float:
        """Seconds that went to nothing of this: trials that were cut short, messages, and workers that started."""
        return max(0.0, self.offered - self.waited - sum(sum(of.values()) for of in self.seconds.values()))

    def as_document(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**msgspec.to_builtins(self), "other": self.other}
