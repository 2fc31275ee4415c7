"""Ledgers: claims and their pairs, kept before and while they are trained; a claim that was dropped counts, too.

That of a user lies in a folder: `ledger.json` lists the claims in the order in which they were first made; `KEY.json` holds
the pairs of one. Both are written whole, so a process may die at any moment. That of a run is a table of its database.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol, TypeVar

import filelock
import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from archsearch.cache_folder import cache_folder
from archsearch.cell import library
from archsearch.errors import RunLocked, StoreError
from archsearch.files import is_ours, make_private, write_whole
from archsearch.protocol.claims import Claim, Control, Pairs
from archsearch.protocol.equality import Equal
from archsearch.protocol.hearing import Hearing
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import BASELINE
from archsearch.referee.ruling import Ruling
from archsearch.store.run_store import RunStore
from archsearch.words import short_id

LEDGER = "ledger.json"

PATIENCE = 30.0
"""Seconds to wait for another process that enters a claim, which takes a moment."""

Content = TypeVar("Content", bound=msgspec.Struct)


class _Claims(msgspec.Struct, frozen=True):
    claims: tuple[Claim, ...] = ()


class _Pairs(msgspec.Struct, frozen=True):
    claim: Claim
    pairs: Pairs


class Ledger(Protocol):
    """Claims in the order in which they were first made, each with its pairs."""

    def made(self) -> Sequence[Claim]:
        """Return all claims, in the order in which they were made."""

    def enter(self, claim: Claim) -> int:
        """Return the place of a claim, from 1; one that was never made before takes the next."""

    def pairs(self, claim: Claim) -> Pairs:
        """Return the pairs of a claim by task, in their order; none before the first is kept."""

    def keep(self, claim: Claim, pairs: Pairs) -> None:
        """Keep all pairs of a claim."""

    def hearing(self, claim: Claim) -> AbstractContextManager[None]:
        """Hold the right to train the pairs of a claim."""


def made_before(ledger: Ledger, claim: Claim, alike: Equal) -> Claim | None:
    """Return the claim of a ledger that says the same at an equal something, whatever was measured for that, or None.

    In a merged run two may: each was made in a ledger of its own, and the last is the one that leaderboards show.

    Args:
        ledger: The ledger.
        claim: The claim at equal parameters.
        alike: What is the same for both cells.
    """
    return next(
        (
            made
            for made in reversed(ledger.made())
            if made.alike == alike and replace(made.question, ledger=claim.ledger) == claim
        ),
        None,
    )


class RunLedger:
    """The claims of a run; whoever may write its database may train their pairs.

    Args:
        store: The run's database, opened for writing.

    Attributes:
        store: The same.
    """

    def __init__(self, store: RunStore) -> None:
        self.store = store

    def made(self) -> list[Claim]:
        """Return all claims, in the order in which they were made."""
        return [claim for claim, _ in self.store.claims.read().values()]

    @property
    def discoveries(self) -> int:
        """How many claims are ruled "better"; a placebo's is none."""
        hearings = (
            Hearing(claim, number, (claim.a, claim.b), pairs)
            for number, (claim, pairs) in self.store.claims.read().items()
            if not claim.is_placebo
        )
        return sum(hearing.ruling is Ruling.BETTER for hearing in hearings)

    @property
    def control(self) -> Control:
        """What the ledger keeps at 5 %: from the first claim on that was made under it, the share of false discoveries."""
        return "family" if all(claim.discoveries is UNSET for claim in self.made()) else "discoveries"

    def enter(self, claim: Claim) -> int:
        """Return the place of a claim, from 1; one that was never made before takes the next."""
        known = self.store.claims.read()
        place = next((number for number, (made, _) in known.items() if made == claim), None)
        if place is None:
            place = max(known, default=0) + 1
            self.store.claims.keep(place, claim, {task.name: () for task in claim.tasks})
        return place

    def pairs(self, claim: Claim) -> Pairs:
        """Return the pairs of a claim that was entered."""
        return next(pairs for made, pairs in self.store.claims.read().values() if made == claim)

    def keep(self, claim: Claim, pairs: Pairs) -> None:
        """Keep all pairs of a claim that was entered."""
        self.store.claims.keep(self.enter(claim), claim, pairs)

    def hearing(self, claim: Claim) -> AbstractContextManager[None]:
        """Do nothing: the lock of the run is held."""
        return nullcontext()


def read_hearings(store: RunStore, plan: RunPlan) -> dict[str, Hearing]:
    """Return the last claim of a run about each cell, by its id, against the GRU on the run's own tasks and sizes.

    At equal parameters, as the run compares them. A claim that has no pair yet says nothing, so an older one goes before it.
    """
    gru, found = library.load(BASELINE).id, dict[str, Hearing]()
    for number, (claim, pairs) in store.claims.read().items():
        own = claim.b == gru != claim.a and claim.tasks == Claim.of(plan, claim.a, gru, 1).tasks
        if own and claim.alike == "parameters" and (any(pairs.values()) or claim.a not in found):
            found[claim.a] = Hearing(claim, number, (called(claim.a), BASELINE), pairs)
    return found


def called(cell: str) -> str:
    """Return what people call a cell: the library's name of it, else its short id."""
    return library.by_id().get(cell) or short_id(cell)


class UserLedger:
    """The claims of one user.

    Args:
        folder: Where they lie; None for the user's cache. It need not exist.

    Attributes:
        folder: The same.

    Raises:
        StoreError: The folder cannot be made, or others may write to it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder() / "judge"
        with _reported(self.folder):
            make_private(self.folder)
        if not is_ours(self.folder):
            raise StoreError(
                f"{self.folder}: not yours alone, so no claim is kept there; set ARCHSEARCH_CACHE"
            )

    def made(self) -> tuple[Claim, ...]:
        """Return all claims, in the order in which they were made.

        Raises:
            StoreError: The ledger cannot be read.
        """
        path = self.folder / LEDGER
        with _reported(path):
            return (_read(path, _Claims) or _Claims()).claims

    def enter(self, claim: Claim) -> int:
        """Return the place of a claim, from 1; one that was never made before takes the next.

        Raises:
            StoreError: The ledger cannot be read or written.
        """
        path = self.folder / LEDGER
        with self._lock("ledger", PATIENCE, "the ledger of claims"), _reported(path):
            claims = self.made()
            if claim not in claims:
                claims = (*claims, claim)
                write_whole(path, msgspec.json.encode(_Claims(claims)))
        return claims.index(claim) + 1

    def pairs(self, claim: Claim) -> Pairs:
        """Return the pairs of a claim by task, in their order; none before the first is kept.

        Raises:
            StoreError: They cannot be read.
        """
        path = self._path(claim)
        with _reported(path):
            kept = _read(path, _Pairs)
        if kept is not None and kept.claim != claim:
            raise StoreError(f"{path}: of another claim; remove the file, and its pairs are trained again")
        return {task.name: kept.pairs.get(task.name, ()) if kept else () for task in claim.tasks}

    def keep(self, claim: Claim, pairs: Pairs) -> None:
        """Keep all pairs of a claim.

        Raises:
            StoreError: They cannot be written.
        """
        path = self._path(claim)
        content = _Pairs(claim, pairs)
        with _reported(path):
            write_whole(path, msgspec.json.encode(content))

    @contextmanager
    def hearing(self, claim: Claim) -> Iterator[None]:
        """Hold the right to train the pairs of a claim.

        Raises:
            RunLocked: Another process does.
        """
        with self._lock(claim.key, 0, "this claim"):
            yield

    def _path(self, claim: Claim) -> Path:
        return self.folder / f"{claim.key}.json"

    @contextmanager
    def _lock(self, name: str, patience: float, what: str) -> Iterator[None]:
        lock = filelock.FileLock(self.folder / f"{name}.lock")
        with _reported(self.folder):
            try:
                lock.acquire(timeout=patience)
            except filelock.Timeout:
                raise RunLocked(f"another process works on {what}; wait for it ({self.folder})") from None
        try:
            yield
        finally:
            lock.release()


def _read(path: Path, kind: type[Content]) -> Content | None:
    """Return what a file holds; None if it is not there."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(
            f"{path}: damaged ({error}); put back a copy, or remove the file: what it held is forgotten then"
        ) from None


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn errors of the system into ours; a full disk is told by the command line."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StoreError(f"{path}: {error.strerror}; choose another folder with ARCHSEARCH_CACHE") from None
