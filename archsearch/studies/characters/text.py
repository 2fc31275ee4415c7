"""A text as bytes, in three parts: that of a file, or of the files of a folder, shuffled and one after another.

Karpathy et al. (2015) read War and Peace, and the source files of the Linux kernel in a random order.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsearch.errors import InputError
from archsearch.protocol.seeds import generator

Bytes = NDArray[np.uint8]

SMALLEST = 1_000
"""Fewest bytes of a text: 100 for testing."""
LARGEST = 2**28
"""Most bytes."""


@dataclass(frozen=True, eq=False)
class CharText:
    """A text; its symbols are the different bytes that it has, in their order.

    Attributes:
        name: What was read.
        alphabet: The byte of each symbol, shape (V,).
        symbols: All of it, shape (length,).
        valid: Where the validation part begins, after 80 %.
        test: Where the test part begins, after 90 %.
        checksum: SHA-256 of the bytes.
        files: How many files it was read from.
        left_out: Files of the folder that were not, since they have a zero byte, and so are no text.
    """

    name: str
    alphabet: Bytes
    symbols: Bytes
    valid: int
    test: int
    checksum: str
    files: int = 1
    left_out: tuple[str, ...] = ()

    @property
    def train(self) -> Bytes:
        """The part to learn from, shape (valid,)."""
        return self.symbols[: self.valid]

    @property
    def test_bytes(self) -> Bytes:
        """The test part as bytes, shape (length - test,)."""
        tested: Bytes = self.alphabet[self.symbols[self.test :]]
        return tested

    def part(self, name: str, before: int) -> tuple[Bytes, int]:
        """Return a part with what stands before it, and how many symbols that are.

        Args:
            name: `valid` or `test`.
            before: How many are wanted; the text may begin sooner.
        """
        start, end = (self.valid, self.test) if name == "valid" else (self.test, len(self.symbols))
        before = min(before, start)
        return self.symbols[start - before : end], before


def load_characters(path: Path, seed: int = 0, endings: tuple[str, ...] = ()) -> CharText:
    """Return the text of a file, or of a folder's files in an order that the seed decides.

    Args:
        path: The file or folder; hidden files and those with a zero byte are left out of a folder.
        seed: Of the order.
        endings: Only files of the folder that end in one of these, such as `.c`; all if there are none.

    Raises:
        InputError: It cannot be read, or is too short, too long, or of one byte alone; endings are for a folder.
    """
    try:
        if path.is_dir():
            return _folder(path, seed, endings)
        if endings:
            raise InputError(f"{path} is no folder, of whose files {', '.join(endings)} could be chosen")
        return _sized(path, _file(path))
    except OSError as error:
        raise InputError(f"{error.filename or path} cannot be read: {error.strerror}") from None


def _sized(path: Path, content: bytes) -> CharText:
    if not SMALLEST <= len(content) <= LARGEST:
        raise InputError(
            f"{path} has {len(content):,} bytes; this study takes texts of {SMALLEST:,} to {LARGEST:,}"
        )
    return characters(str(path), content)


def characters(name: str, content: bytes) -> CharText:
    """Return bytes as a text.

    Raises:
        InputError: They are all the same.
    """
    values = np.frombuffer(content, np.uint8)
    alphabet = np.flatnonzero(np.bincount(values, minlength=256)).astype(np.uint8)
    if len(alphabet) < 2:
        raise InputError(f"{name} has {len(alphabet)} different byte; a text needs two")
    table = np.zeros(256, np.uint8)
    table[alphabet] = np.arange(len(alphabet))
    return CharText(
        name=name,
        alphabet=alphabet,
        symbols=table[values],
        valid=len(values) * 80 // 100,
        test=len(values) * 90 // 100,
        checksum=hashlib.sha256(content).hexdigest(),
    )


def _file(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is no regular file")
    if path.stat().st_size > LARGEST:
        raise InputError(f"{path} has {path.stat().st_size:,} bytes; this study takes at most {LARGEST:,}")
    return path.read_bytes()


def _folder(folder: Path, seed: int, endings: tuple[str, ...]) -> CharText:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.name.endswith(endings or "")
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not files:
        named = f" that ends in {' or '.join(endings)}" if endings else ""
        raise InputError(f"{folder} has no file{named}; hidden ones do not count")
    if sum(path.stat().st_size for path in files) > LARGEST:
        raise InputError(f"the files of {folder} have more than {LARGEST:,} bytes; name a folder inside")
    contents = {path: path.read_bytes() for path in files}
    texts = [content for content in contents.values() if b"\0" not in content]
    order = generator("inside", "files", seed).permutation(len(texts))
    return replace(
        _sized(folder, b"".join(texts[index] for index in order)),
        files=len(texts),
        left_out=tuple(str(path) for path, content in contents.items() if b"\0" in content),
    )
