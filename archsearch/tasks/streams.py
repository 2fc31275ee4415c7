"""Cut documents or a file into B parallel streams, and the streams into windows of T steps.

Every function yields arrays of T + 1 rows and B columns: rows 0..T-1 are a window's inputs, rows 1..T its
targets, and the last row is the first of the next window.
"""

from collections.abc import Callable, Iterator
from math import ceil

import numpy as np
from numpy.typing import NDArray

from archsearch.errors import TaskError
from archsearch.tasks.task import Numbers, Symbols, Window

Values = NDArray[np.integer] | Numbers
TEXT = "a text part of {} symbols"

Draw = Callable[[np.random.Generator, int], tuple[Symbols, Symbols]]
"""(generator, number of documents) -> (their symbols one after another, the end of each document)."""

REFILL = 8192
"""About how many symbols are drawn at once: numpy's overhead is small then, and the first window soon."""


def document_streams(
    draw: Draw, length: int, rng: np.random.Generator, batch: int, unroll: int
) -> Iterator[Symbols]:
    """Yield windows of endless streams of whole documents, independent draws, without gaps.

    All streams are refilled together, with equally many documents, when one of them runs out. How many
    depends on `batch` alone, so the streams are the same for every `unroll`.

    Args:
        draw: Draws documents.
        length: About the mean length of a document.
        rng: Where the documents come from.
        batch: B.
        unroll: T.
    """
    documents = ceil(max(REFILL / batch, 256) / length)
    streams: list[Symbols] = [np.empty(0, np.int64)] * batch
    start = 0
    while True:
        symbols, ends = draw(rng, batch * documents)
        fresh = np.split(symbols, ends[documents - 1 : -1 : documents])
        streams = [np.concatenate((old[start:], new)) for old, new in zip(streams, fresh, strict=True)]
        length, start = min(map(len, streams)), 0
        rows = np.stack([stream[:length] for stream in streams], axis=1)
        while start + unroll < length:
            yield rows[start : start + unroll + 1]
            start += unroll


def endless_file(symbols: Values, batch: int, unroll: int, what: str = TEXT) -> Iterator[Symbols | Numbers]:
    """Yield windows that go round a text for ever, or round a table of numbers.

    The text is cut into B contiguous streams. A stream that has read its share goes on in the next one's, and
    from the end of the text to its beginning, so that nothing but that one seam is out of order.

    Args:
        symbols: The text, shape (length,); or real numbers, shape (length, how many).
        batch: B.
        unroll: T.
        what: What an error calls it, `{}` its length.
    """
    position = _share(symbols, batch, what) * np.arange(batch) + np.arange(unroll + 1)[:, None]
    while True:
        yield _wide(symbols[position % len(symbols)])
        position += unroll


def file_pass(symbols: Values, batch: int, unroll: int, what: str = TEXT) -> Iterator[Symbols | Numbers]:
    """Yield the windows of one pass over a text in B contiguous streams; the last one may be shorter.

    Args:
        symbols: The text, shape (length,); or real numbers, shape (length, how many).
        batch: B.
        unroll: T.
        what: What an error calls it, `{}` its length.
    """
    share = _share(symbols, batch, what)
    streams = _wide(symbols[: share * batch].reshape(batch, share, *symbols.shape[1:]).swapaxes(0, 1))
    for start in range(0, share - 1, unroll):
        yield streams[start : start + unroll + 1]


def window(rows: Symbols | Numbers) -> Window:
    """Return the window of T + 1 rows, shape (T + 1, B) or (T + 1, B, how many), with every position scored."""
    return Window(rows[:-1], rows[1:], np.ones(rows[1:].shape[:2], np.bool_))


def _wide(values: Values) -> Symbols | Numbers:
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    return values.astype(np.int64)


def _share(symbols: Values, batch: int, what: str) -> int:
    share = len(symbols) // batch
    if share < 2:
        raise TaskError(
            f"{what.format(f'{len(symbols):,}')} is too short for {batch} parallel streams; "
            f"at least {2 * batch:,} are needed: a longer one, or a smaller batch"
        )
    return share
