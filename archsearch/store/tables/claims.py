"""The claims of a run before the referee, each with its pairs."""

from __future__ import annotations

from typing import Any

import msgspec

from archsearch.protocol.claims import Claim, Pairs
from archsearch.store.database import Database
from archsearch.store.seal import claim_seal


class ClaimTable:
    """The table `claims`.

    Args:
        database: The run's.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def read(self) -> dict[int, tuple[Claim, Pairs]]:
        """Return all claims by number, each with its pairs."""
        rows = self.database.rows("SELECT number, claim, pairs, seal FROM claims ORDER BY number")
        return {number: self._claim(number, *row) for number, *row in rows}

    def _claim(self, number: int, claim: str, pairs: str, seal: str) -> tuple[Claim, Pairs]:
        if (read := read_claim(number, claim, pairs, seal)) is None:
            raise self.database.damaged(f"claim {number} does not hold")
        return read

    def keep(self, number: int, claim: Claim, pairs: Pairs) -> None:
        """Store a claim with all pairs that it has.

        Args:
            number: Its place in the ledger.
            claim: The claim.
            pairs: By task, in their order.
        """
        texts = [msgspec.json.encode(of).decode() for of in (claim, pairs)]
        with self.database.transaction() as connection:
            row = (number, *texts, claim_seal(number, *texts))
            connection.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?)", row)


def read_claim(number: Any, claim: Any, pairs: Any, seal: Any) -> tuple[Claim, Pairs] | None:
    """Return a claim and its pairs as a row has them; None if that is not what was stored.

    Args:
        number: Its place in the ledger.
        claim: The claim as JSON.
        pairs: Its pairs as JSON.
        seal: The seal beside them.
    """
    if seal != claim_seal(number, claim, pairs):
        return None
    try:
        read = msgspec.json.decode(claim, type=Claim), msgspec.json.decode(pairs, type=Pairs)
    except (msgspec.DecodeError, TypeError, ValueError, RecursionError):
        return None
    return read if read[0].tasks and set(read[1]) == {task.name for task in read[0].tasks} else None
