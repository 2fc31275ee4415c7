"""Cut documents or a file into B parallel streams, and the streams into windows of T steps.

Every function yields arrays of T + 1 rows and B columns: rows 0..T-1 are a window's inputs, rows 1..T its
targets, and the last row is the first of the next window.
"""

from collections.abc import Callable, Iterator
from math import ceil

import numpy as np
from numpy.typing import NDArray

from archsearch.errors import TaskError
from archsearch.tasks.task import Symbols, Window

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
        while min(map(len, streams)) <= start + unroll:
            symbols, ends = draw(rng, batch * documents)
            fresh = np.split(symbols, ends[documents - 1 : -1 : documents])
            streams = [np.concatenate((old[start:], new)) for old, new in zip(streams, fresh, strict=True)]
            start = 0
        yield np.stack([stream[start : start + unroll + 1] for stream in streams], axis=1)
        start += unroll


def endless_file(symbols: NDArray[np.integer], batch: int, unroll: int) -> Iterator[Symbols]:
    """Yield windows that go round a text for ever.

    The text is cut into B contiguous streams. A stream that has read its share goes on in the next one's, and
    from the end of the text to its beginning, so that nothing but that one seam is out of order.

    Args:
        symbols: The text, shape (length,).
        batch: B.
        unroll: T.
    """
    position = _share(symbols, batch) * np.arange(batch) + np.arange(unroll + 1)[:, None]
    while True:
        yield symbols[position % len(symbols)].astype(np.int64)
        position += unroll


def file_pass(symbols: NDArray[np.integer], batch: int, unroll: int) -> Iterator[Symbols]:
    """Yield the windows of one pass over a text in B contiguous streams; the last one may be shorter.

    Args:
        symbols: The text, shape (length,).
        batch: B.
        unroll: T.
    """
    share = _share(symbols, batch)
    streams = symbols[: share * batch].reshape(batch, share).T.astype(np.int64)
    for start in range(0, share - 1, unroll):
        yield streams[start : start + unroll + 1]


def window(rows: Symbols) -> Window:
    """Return the window of T + 1 rows, with every position scored."""
    return Window(rows[:-1], rows[1:], np.ones(rows[1:].shape, np.bool_))


def _share(symbols: NDArray[np.integer], batch: int) -> int:
    share = len(symbols) // batch
    if share < 2:
        raise TaskError(
            f"a text part of {len(symbols):,} symbols is too short for {batch} parallel streams; "
            f"at least {2 * batch:,} are needed: a longer text, or a smaller batch"
        )
    return share
