"""What people are told of a search from outside, and how it ends."""

from __future__ import annotations

from typing import Literal

import msgspec

Ending = Literal["finished", "time", "interrupted", "exhausted", "merged"]
"""How a session of a run ends; an interrupted run is not over, and a merged one never had a session."""


class Session(msgspec.Struct, frozen=True, omit_defaults=True):
    """What people are told of a search from outside; it decides nothing.

    Attributes:
        max_candidates: Candidates after which the run is finished, as was said last; None for no limit.
        max_seconds: Seconds of search after which it is; None for no limit.
        prepared: Seconds of search before the first step; None while references and clones train.
        offered: Seconds that workers were there, all together, until a step was told last.
        waited: How many of these they waited for work.
        host: Where it was searched last, by the name that the machine has for itself; empty where that was not noted.
    """

    max_candidates: int | None = None
    max_seconds: float | None = None
    prepared: float | None = None
    offered: float = 0.0
    waited: float = 0.0
    host: str = ""
