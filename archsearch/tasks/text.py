"""`text:FILE`: predict the next character of any text file.

The first 90 % are for training, the next 5 % for validation, the last 5 % for testing; the vocabulary is that
of the whole file, in code point order. Line ends and marks are kept as they are.
"""

import codecs
import hashlib
import re
import shlex
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
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""What a file begins with -> its encoding, as iconv calls it."""
TABLES = (".csv", ".tsv")
"""Endings of files that are tables."""
NUMBER = re.compile(r"[-+]?(\d{1,20}|\d{0,20}\.\d{0,20})([eE][-+]?\d{1,3})?")
LOOKED_AT = 2**16
"""Bytes that are looked at to tell a table of numbers from a text."""
FEWEST_ROWS = 10
"""Rows of a table."""


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


def refuse_tables(path: Path) -> None:
    """Refuse a table of numbers, of which people hardly want the characters; a file that is not there passes.

    Raises:
        TaskError: Names the task that predicts numbers.
    """
    way = f"series:{path}"
    try:
        with path.open("rb") as file:
            start = file.read(LOOKED_AT).decode("utf-8", "replace")
    except (OSError, ValueError):
        return
    if _holds_numbers(start):
        raise TaskError(
            f"{path} is a table of numbers, and a text task would predict its digits and commas; "
            f"the task that predicts numbers is written {way}"
        )
    if path.suffix.lower() in TABLES:
        raise TaskError(
            f"{path} is a table, and a text task would predict its characters, commas and all; if that is meant, "
            f"call it .txt; the task that predicts its numbers is written {way}"
        )


def _holds_numbers(text: str) -> bool:
    """Whether a text has equally many fields a line, numbers for the most part; a single column has decimal points."""
    lines = [
        line for line in text.splitlines()[1:-1] if line.strip()
    ]  # the first may be a head, the last one cut
    return any(_has_columns(lines, separator) for separator in (",", ";", "\t", None))


def _has_columns(lines: list[str], separator: str | None) -> bool:
    rows = [[field.strip() for field in line.split(separator)] for line in lines]
    widths = [len(row) for row in rows]
    if len(rows) < FEWEST_ROWS or widths.count(widths[0]) < 0.9 * len(rows):
        return False
    fields = [field for row in rows for field in row]
    numbers = [field for field in fields if NUMBER.fullmatch(field)]
    real = sum("." in number for number in numbers)
    return len(numbers) >= 0.5 * len(fields) and (widths[0] > 1 or real >= 0.5 * len(fields))


def _decode(path: Path, content: bytes) -> str:
    if encoding := _wide_encoding(content):
        raise TaskError(
            f"{path} is {encoding.upper()}, and UTF-8 is needed; convert it first: "
            f"`iconv -f {encoding} -t utf-8 {shlex.quote(str(path))} > text.txt`"
        )
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


def _wide_encoding(content: bytes) -> str | None:
    """Return the encoding of a file of wide characters, as iconv calls it, by its mark or by where its zero bytes lie."""
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            return encoding
    zeros = np.flatnonzero(np.frombuffer(content[:LOOKED_AT], np.uint8) == 0)
    places = np.unique(zeros % 2)
    if len(zeros) * 4 < min(len(content), LOOKED_AT) or len(places) != 1:
        return None
    return "utf-16le" if places[0] else "utf-16be"
