"""One of the runs that a merged run was made of."""

from __future__ import annotations

import msgspec


class Part(msgspec.Struct, frozen=True):
    """A run that a merged one was made of.

    Attributes:
        run: Its name.
        seed: Its seed.
        steps: Steps that it had told.
        candidates: Candidates that these had tried.
    """

    run: str
    seed: int
    steps: int
    candidates: int
