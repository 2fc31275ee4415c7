"""What a person asks a search for; None stands everywhere for what they did not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archsearch.actions.listener import SearchLimits
from archsearch.cell import Cell
from archsearch.protocol.duration import parse_duration
from archsearch.protocol.preset import Preset
from archsearch.workers.cluster.request import ClusterRequest

PRESET, STRATEGY, SPACE, SEED = "quick", "jozefowicz", "jozefowicz2015", 0
"""What is taken where nothing is said."""

NO_LATER_CELL = (
    "start cells and references are set where a run begins; later ones are proposed to it: archsearch propose RUN "
    "FILE.cell, or another run searches on from both: archsearch evolve --from RUN --start CELL"
)
"""What to say to a cell that is given to a run that exists."""


@dataclass(frozen=True)
class Request:
    """What decides a run's steps and scores.

    Attributes:
        preset: Name or TOML file.
        strategy: A key of STRATEGIES.
        space: Name or TOML file.
        tasks: Names of the preset's tasks, in the order of the stages.
        own: A user's own tasks, `text:FILE`, `series:FILE`, `labels:FILE` or `FILE.py:NAME`, after the others.
        seed: The run's seed.
        changes: What the preset says otherwise, by key.
        start: Start cells in the place of the preset's.
        references: More references.
    """

    preset: str | None = None
    strategy: str | None = None
    space: str | None = None
    tasks: tuple[str, ...] | None = None
    own: tuple[str, ...] = ()
    seed: int | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    start: tuple[Cell, ...] = ()
    references: tuple[Cell, ...] = ()

    @property
    def has_cells(self) -> bool:
        """Whether it names cells, to start from or to compare with."""
        return bool(self.start or self.references)


@dataclass(frozen=True)
class EvolveOptions:
    """All that a person says to `evolve`.

    Attributes:
        request: What decides the steps and scores.
        runs: The folder of all runs.
        run: The run's name or path.
        data: The folder of the tasks' files.
        devices: One device per worker on this machine; none where a cluster trains.
        max_candidates: Candidates after which the run is finished, in all sessions.
        max_seconds: Seconds after which the run is finished, in all sessions.
        max_trials: Trials after which the run is finished, in all sessions, and then alone.
        ask: The command of the program that the strategy `external` asks.
        ask_seconds: Seconds that it has for an answer; None for the usual.
        cluster: The cluster that trains; None for this machine.
    """

    request: Request
    runs: Path
    run: str | None
    data: Path | None
    devices: tuple[str, ...]
    max_candidates: int | None
    max_seconds: float | None
    max_trials: int | None = None
    ask: str | None = None
    ask_seconds: float | None = None
    cluster: ClusterRequest | None = None

    def limits(self, preset: Preset) -> SearchLimits:
        """Return when the run is finished; an explicit number of candidates switches the preset's time off."""
        if self.max_trials is not None:
            return SearchLimits(max_trials=self.max_trials)
        candidates = self.max_candidates if self.max_candidates is not None else preset.search.max_candidates
        seconds = self.max_seconds
        if seconds is None and self.max_candidates is None and preset.search.max_time is not None:
            seconds = parse_duration(preset.search.max_time)
        return SearchLimits(candidates, seconds)
