"""`text:FILE`: predict the next character of any text file.

The first 90 % are for training, the next 5 % for validation, the last 5 % for testing; the vocabulary is that
of the whole file, in code point order. Line ends and marks are kept as they are.
"""

import hashlib
from pathlib import Path

import numpy as np

from archsearch.errors import TaskError
from archsearch.tasks.corpus import Corpus

SMALLEST = 1_000
"""Fewest characters of a file: 50 for validation."""
LARGEST = 2**30
"""Most bytes of a file."""
VOCABULARY = 10_000
"""Most different characters."""
CODE_POINTS = 0x110000


def load(name: str, path: Path) -> Corpus:
    """Return the character task on a file.

    Args:
        name: The task's name.
        path: The file.

    Raises:
        TaskError: The file is missing, no UTF-8 text, too short or too long, or has too many different
        characters.
    """
    content = _read(path)
    codes = np.frombuffer(_decode(path, content).encode("utf-32-le"), np.uint32)
    if len(codes) < SMALLEST:
        raise TaskError(f"{path} has {len(codes):,} characters; a text task needs at least {SMALLEST:,}")
    used = np.flatnonzero(np.bincount(codes, minlength=CODE_POINTS))
    if not 2 <= len(used) <= VOCABULARY:
        raise TaskError(
            f"{path} has {len(used):,} different characters; a text task takes 2 to {VOCABULARY:,}"
        )
    table = np.zeros(CODE_POINTS, np.uint16)
    table[used] = np.arange(len(used))
    symbols = table[codes]
    train, valid = len(symbols) * 90 // 100, len(symbols) * 95 // 100
    parts = {"train": symbols[:train], "valid": symbols[train:valid], "test": symbols[valid:]}
    return Corpus(name, tuple(map(chr, used)), parts, hashlib.sha256(content).hexdigest())


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if not path.is_file() and not path.is_dir():
            raise TaskError(f"{path} is no regular file")
        if size > LARGEST:
            raise TaskError(f"{path} has {size:,} bytes; a text task takes at most {LARGEST:,}")
        return path.read_bytes()
    except FileNotFoundError:
        raise TaskError(f"{path}: no such file; a text task is written text:FILE") from None
    except OSError as error:
        raise TaskError(f"{path} cannot be read: {error.strerror}") from None


def _decode(path: Path, content: bytes) -> str:
    if b"\0" in content:
        raise TaskError(
            f"{path} is a binary file (it has a zero byte at {content.index(0):,}); text is needed"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TaskError(
            f"{path} is not UTF-8 text (byte {error.start:,}); convert it first, for example `iconv -f latin1 -t utf-8`"
        ) from None
