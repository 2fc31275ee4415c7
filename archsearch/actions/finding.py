"""What one check of the doctor found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        text: It in words.
        state: "ok"; "look" where something is slower or less safe than it could be; "bad" where something does not work.
    """

    text: str
    state: Literal["ok", "look", "bad"] = "ok"
