"""Proposes cells to a run: each is checked as the search will check it, and what is new waits in the run's inbox."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import msgspec

from archsearch.actions.opening import check_searched
from archsearch.cell import Cell
from archsearch.errors import CellError, InputError
from archsearch.protocol.history import History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.references import reference_cells
from archsearch.search.outside import as_candidate
from archsearch.store import RunStore, read_history
from archsearch.store.inbox import Inbox

HEADER = re.compile(r"^\ufeff?cell\b", re.MULTILINE)
"""Where a cell begins in a stream of several."""

MOST_BYTES = 16 * 2**20
"""Of a stream of cells."""


class Answer(msgspec.Struct, frozen=True):
    """What becomes of a proposed cell.

    Attributes:
        source: Where its text came from.
        answer: "new", it waits in the inbox; "waiting", it did so before; "known" to the run; or "refused".
        id: The id that it has in the run; empty for what is no cell.
        reason: Why it is refused, or what the run knows of it.
        fitness: What the run has measured; None where it has not, or not yet.
    """

    source: str
    answer: Literal["new", "waiting", "known", "refused"]
    id: str = ""
    reason: str = ""
    fitness: float | None = None


def read_stream(source: str, content: bytes) -> dict[str, str]:
    """Return the texts of the cells of a stream, by where each came from; comments belong to the cell after them.

    Raises:
        InputError: It is no text, or has no cell.
    """
    if len(content) > MOST_BYTES:
        raise InputError(f"{source}: more than {MOST_BYTES:,} bytes; a cell is a short text")
    try:
        text = content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: no UTF-8 text (byte {error.start}); cells are plain text") from None
    starts = [_with_notes(text, match.start()) for match in HEADER.finditer(text)]
    if not starts:
        raise InputError(f"{source}: no cell; one begins with a line such as cell mine(x, h):")
    ends = [*starts[1:], len(text)]
    texts = [text[start:end] for start, end in zip([0, *starts[1:]], ends, strict=True)]
    if len(texts) == 1:
        return {source: texts[0]}
    return {f"{source}, cell {number}": text for number, text in enumerate(texts, 1)}


def _with_notes(text: str, start: int) -> int:
    """Return where the comment and blank lines before a place begin."""
    while start > 0:
        line = text.rfind("\n", 0, start - 1) + 1
        content = text[line:start].strip()
        if content and not text[line:start].startswith("#"):
            return start
        start = line
    return start


def leave_proposals(folder: Path, texts: dict[str, str]) -> list[Answer]:
    """Leave cells in a run's inbox, and return what becomes of each; a search in the run is not held up.

    Args:
        folder: The run's folder.
        texts: The texts by where each came from.

    Raises:
        InputError: The run is merged, so that no search will take them.
        StoreError: The run's records cannot be read.
        NoSpace: The disk is full.
    """
    inbox = Inbox(folder)
    with RunStore.open(folder) as store:
        check_searched(store)
        plan = store.facts.plan
        history, _ = read_history(store, plan)
        return [_answer(store, plan, history, inbox, source=name, text=text) for name, text in texts.items()]


def _answer(
    store: RunStore, plan: RunPlan, history: History, inbox: Inbox, *, source: str, text: str
) -> Answer:
    try:
        cell = as_candidate(Cell.parse(text, source), plan)
    except CellError as error:
        return Answer(source, "refused", reason=str(error))
    if known := _known(store, plan, history, cell.id, source):
        return known
    if inbox.holds(cell.id):
        return Answer(source, "waiting", cell.id, "it was proposed before")
    try:
        inbox.put(cell)
    except InputError as error:
        return Answer(source, "refused", cell.id, str(error))
    return Answer(source, "new", cell.id)


def _known(store: RunStore, plan: RunPlan, history: History, cell: str, source: str) -> Answer | None:
    """Return what the run says of a cell that it has tried or trains as a reference, None of any other."""
    candidate = history.candidate(cell)
    if candidate is not None:
        fitness = candidate.fitness if candidate.judgement is not None else None
        return Answer(source, "known", cell, candidate.fate, fitness)
    if store.steps.of(cell):
        return Answer(source, "known", cell, "it is being tried")
    for name, reference in reference_cells(plan).items():
        if reference.id == cell:
            return Answer(source, "known", cell, f"{name}, a reference of the run")
    return None
