"""The claims of one user and their pairs, kept before and while they are trained: a claim that was dropped counts, too.

`ledger.json` lists the claims in the order in which they were first made; `KEY.json` holds the pairs of one. Both are
written whole, so a process may die at any moment.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import filelock
import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from archsearch.cache_folder import cache_folder
from archsearch.errors import RunLocked, StoreError
from archsearch.files import is_ours, make_private, write_whole
from archsearch.protocol.claims import Claim, PairResult

LEDGER = "ledger.json"

PATIENCE = 30.0
"""Seconds to wait for another process that enters a claim, which takes a moment."""

Content = TypeVar("Content", bound=msgspec.Struct)


class _Claims(msgspec.Struct, frozen=True):
    claims: tuple[Claim, ...] = ()


class _Pairs(msgspec.Struct, frozen=True):
    claim: Claim
    pairs: dict[str, tuple[PairResult, ...]]


class Ledger:
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

    def enter(self, claim: Claim) -> int:
        """Return the place of a claim, from 1; one that was never made before takes the next.

        Raises:
            StoreError: The ledger cannot be read or written.
        """
        path = self.folder / LEDGER
        with self._lock("ledger", PATIENCE, "the ledger of claims"), _reported(path):
            claims = (_read(path, _Claims) or _Claims()).claims
            if claim not in claims:
                claims = (*claims, claim)
                write_whole(path, msgspec.json.encode(_Claims(claims)))
        return claims.index(claim) + 1

    def made_before(self, claim: Claim, what: str) -> Claim | None:
        """Return the first claim that says the same at an equal something, whatever was measured for that, or None.

        Args:
            claim: The claim at equal parameters.
            what: What is the same instead.

        Raises:
            StoreError: The ledger cannot be read.
        """
        path = self.folder / LEDGER
        with _reported(path):
            claims = (_read(path, _Claims) or _Claims()).claims
        same = (each for each in claims if each.equal is not UNSET and each.equal.what == what)
        return next((each for each in same if replace(each, equal=UNSET) == claim), None)

    def pairs(self, claim: Claim) -> dict[str, tuple[PairResult, ...]]:
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

    def keep(self, claim: Claim, pairs: Mapping[str, Sequence[PairResult]]) -> None:
        """Keep all pairs of a claim.

        Raises:
            StoreError: They cannot be written.
        """
        path = self._path(claim)
        content = _Pairs(claim, {task: tuple(results) for task, results in pairs.items()})
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
