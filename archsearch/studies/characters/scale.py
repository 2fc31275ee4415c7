"""What a larger model no longer gets wrong: the errors of two sizes of a cell, kind by kind.

Karpathy et al. (2015) go from about 50,000 to 1.3 million parameters: of 44,000 errors that go, 36,000 are those of n-grams.
"""

from __future__ import annotations

import msgspec

from archsearch.studies.characters.errors import ErrorRow, Onion, by_kind


class Gain(msgspec.Struct, frozen=True):
    """The errors of one kind in a smaller and a larger model.

    Attributes:
        kind: What removes them; `all errors` for all.
        small: How many the smaller one makes.
        large: How many the larger one makes.
        share: Of all errors that go, how much is of this kind; None where no fewer errors are made.
        paper: The paper's, where it is known.
    """

    kind: str
    small: int
    large: int
    share: float | None
    paper: float | None


def gains(small: Onion, large: Onion, paper: dict[str, float]) -> list[Gain]:
    """Return what a larger model no longer gets wrong, all errors first.

    Args:
        small: The errors of the smaller model.
        large: Those of the larger one, on the same symbols.
        paper: The paper's shares by kind.
    """
    gone = small.errors - large.errors

    def gain(kind: str, before: int, after: int) -> Gain:
        share = (before - after) / gone if gone > 0 else None
        return Gain(kind, before, after, share, paper.get(kind))

    pairs: list[tuple[ErrorRow, ErrorRow]] = list(zip(by_kind(small.rows), by_kind(large.rows), strict=True))
    return [
        gain("all errors", small.errors, large.errors),
        *(gain(one.kind, one.errors, other.errors) for one, other in pairs),
    ]
