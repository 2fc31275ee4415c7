"""A cell as JSON: its text for people and this program, its canonical graph for others."""

from __future__ import annotations

import json

import msgspec
from msgspec import UNSET, UnsetType

from archsearch.cell import Cell, Node
from archsearch.cell.ops import UGI
from archsearch.cell.printing import number
from archsearch.errors import CellError
from archsearch.exporters.scores import Scores
from archsearch.exporters.tidy import tidy

VERSION = 1
MAX_BYTES = 1 << 20


class _Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A node of the canonical form; `args` are those that differ from their default, `ugi` and `-ugi` by these names.

    A map that shares a matrix has `like`, the handle of the one that has it, its own if that is itself, and `transposed`.
    """

    handle: int
    op: str
    inputs: tuple[int, ...] = ()
    args: dict[str, float | str | None] = {}
    name: str | None = None
    like: int | UnsetType = UNSET
    transposed: bool | UnsetType = UNSET


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document: `states` and `next` hold the handles of each state and of its next value."""

    archsearch_cell: int
    id: str
    name: str
    text: str
    nodes: tuple[_Node, ...]
    states: tuple[int, ...]
    next: tuple[int, ...]
    parameters: dict[str, float]
    scores: Scores | None = None


def to_json(cell: Cell, scores: Scores | None = None) -> str:
    """Return the JSON document of a cell, one line per top-level entry or deeper."""
    text = msgspec.json.format(msgspec.json.encode(_document(cell, scores)), indent=1).decode() + "\n"
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    """Return a character as JSON escapes it if it is invisible or turns text around; line ends stay."""
    return character if character.isprintable() or character == "\n" else json.dumps(character)[1:-1]


def from_json(text: str | bytes, source: str = "<json>") -> Cell:
    """Return the cell that a JSON export holds.

    Raises:
        CellError: The document is none of ours, or its graph, id and text are not of one cell.
    """
    if len(text) > MAX_BYTES:
        raise CellError(f"{source}: larger than {MAX_BYTES:,} bytes, which no exported cell is")
    try:
        found = msgspec.json.decode(text, type=_File)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise CellError(f"{source}: no cell in JSON: {error}") from None
    if found.archsearch_cell != VERSION:
        raise CellError(f"{source}: format {found.archsearch_cell}, this version reads format {VERSION}")
    cell = Cell.parse(found.text, source)
    expected = _document(cell, found.scores)
    for part in _File.__struct_fields__:
        if getattr(expected, part) != getattr(found, part):
            raise CellError(f"{source}: {part!r} does not fit the cell's text; export the cell again")
    return cell


def _document(cell: Cell, scores: Scores | None) -> _File:
    shown = tidy(cell).cell
    live = shown.canonical()
    states = tuple(node.handle for node in live.state_nodes)
    return _File(
        archsearch_cell=VERSION,
        id=shown.id,
        name=shown.name,
        text=shown.text(),
        nodes=tuple(map(_node, live.nodes)),
        states=states,
        next=live.next,
        parameters=shown.coefficients,
        scores=scores,
    )


def _node(node: Node) -> _Node:
    plain = _Node(node.handle, node.op, node.inputs, _arguments_of(node), node.name)
    tied = {} if node.like is None else {"like": node.like, "transposed": node.transposed}
    return msgspec.structs.replace(plain, **tied)


def _arguments_of(node: Node) -> dict[str, float | str | None]:
    """Return a node's arguments; JSON has no infinite number, by which uniform gate initialisation is known."""
    return {name: value if value is None or abs(value) != UGI else number(value) for name, value in node.args}
