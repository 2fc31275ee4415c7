"""`text:FILE`: predict the next character of any text file, or with `?level=word` the next word.

The first 90 % are for training, the next 5 % for validation, the last 5 % for testing. The characters are those of the
whole file, in code point order; line ends and marks are kept as they are. Words are what stands between blanks, and a
line's end is one; the vocabulary is that of the training part, its most frequent words first.
"""

import codecs
import hashlib
import re
import shlex
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsearch.errors import TaskError
from archsearch.tasks.corpus import Corpus
from archsearch.tasks.name_options import said_of
from archsearch.tasks.task import words_checksum

SMALLEST = 1_000
"""Fewest characters of a file: 50 for validation."""
LARGEST = 2**30
"""Most bytes of a file."""
VOCABULARY = 10_000
"""Most different characters; rarer words are all one."""
FEWEST_WORDS = 2_000
"""Fewest words of a file: 100 for validation."""
EOL, UNKNOWN = "<eol>", "<unk>"
LEVELS = ("character", "word")
ABOUT = {"level": " or ".join(LEVELS)}
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


def read_level(options: str) -> str:
    """Return what is predicted, `character` or `word`.

    Raises:
        TaskError: It is neither, or something else is said.
    """
    level = said_of("text", options, ABOUT).get("level", LEVELS[0])
    if level not in LEVELS:
        raise TaskError(f"level={level} of a text task: it takes {ABOUT['level']}")
    return level


def load(name: str, path: Path, level: str = LEVELS[0]) -> Corpus:
    """Return the task on a file.

    Args:
        name: The task's name.
        path: The file.
        level: One of LEVELS.

    Raises:
        TaskError: The file is missing, no UTF-8 text, too short or too long, or has too few or too many different
        characters or words.
    """
    content = _read(path)
    text, sha256 = _decode(path, content), hashlib.sha256(content).hexdigest()
    alphabet, symbols = _characters(path, text) if level == LEVELS[0] else _words(path, text)
    train, valid = len(symbols) * 90 // 100, len(symbols) * 95 // 100
    parts = {"train": symbols[:train], "valid": symbols[train:valid], "test": symbols[valid:]}
    return Corpus(name, alphabet, parts, sha256 if level == LEVELS[0] else words_checksum(level, sha256))


def _words(path: Path, text: str) -> tuple[tuple[str, ...], NDArray[np.uint16]]:
    """Return the vocabulary and the file's words as symbols of it."""
    words = [word for line in text.splitlines() for word in (*line.split(), EOL)]
    if len(words) < FEWEST_WORDS:
        raise TaskError(
            f"{path} has {len(words):,} words and line ends; a text task by words needs at least {FEWEST_WORDS:,}"
        )
    counts = Counter(words[: len(words) * 90 // 100])
    del counts[UNKNOWN]
    common = [word for word, _ in counts.most_common(VOCABULARY - 1)]
    vocabulary = {word: symbol for symbol, word in enumerate((UNKNOWN, *common))}
    if len(vocabulary) < 3:
        raise TaskError(f"{path} has only one word; nothing is to be predicted")
    return tuple(vocabulary), np.fromiter((vocabulary.get(word, 0) for word in words), np.uint16, len(words))


def _characters(path: Path, text: str) -> tuple[tuple[str, ...], NDArray[np.uint16]]:
    """Return the file's characters and the text as symbols of them."""
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    if len(codes) < SMALLEST:
        raise TaskError(f"{path} has {len(codes):,} characters; a text task needs at least {SMALLEST:,}")
    used = np.flatnonzero(np.bincount(codes, minlength=CODE_POINTS))
    if not 2 <= len(used) <= VOCABULARY:
        raise TaskError(
            f"{path} has {len(used):,} different characters; a text task takes 2 to {VOCABULARY:,}"
        )
    table = np.zeros(CODE_POINTS, np.uint16)
    table[used] = np.arange(len(used))
    return tuple(map(chr, used)), table[codes]


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
