"""Cells of one's own as start cells and references: a run's plan holds their text, so that nobody needs the file again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from msgspec.structs import replace

from archsearch.cell import Cell, library, regrouped
from archsearch.errors import CellError
from archsearch.protocol.preset import Preset
from archsearch.words import short_id


@cache
def named_cell(name: str, text: str | None, regroup: bool) -> Cell:
    """Return a cell that a plan names.

    Args:
        name: A library name, or what the plan calls a cell of its own.
        text: The text of such a cell; None for one of the library.
        regroup: Whether the cell that stands for all groupings of its sums is wanted.
    """
    cell = library.load(name) if text is None else Cell.parse(text, f"cell {name}")
    return regrouped(cell) if regroup else cell


def with_cells(
    preset: Preset, texts: Mapping[str, str], start: Sequence[Cell], references: Sequence[Cell]
) -> tuple[Preset, dict[str, str]]:
    """Return a preset that starts from some cells and has more references, and the texts of those not in the library.

    Args:
        preset: The preset.
        texts: The texts by name that go with it already.
        start: The start cells in the preset's place; none leave the preset's.
        references: More references.
    """
    known = {Cell.parse(text).id: name for name, text in texts.items()}
    names = {**_names([*start, *references], {*known.values()}), **known}
    first = tuple(dict.fromkeys(names[cell.id] for cell in start)) or preset.search.start
    all_names = (*preset.search.references, *first, *(names[cell.id] for cell in references))
    search = replace(preset.search, start=first, references=tuple(dict.fromkeys(all_names)))
    own = {
        names[cell.id]: cell.renamed(names[cell.id], note=()).text()
        for cell in (*start, *references)
        if names[cell.id] not in library.names()
    }
    return replace(preset, search=search), {**own, **texts}


def _names(cells: Iterable[Cell], taken: set[str]) -> dict[str, str]:
    """Return what a run calls cells, by id: as the library does, else by their own names, the later of two by its id."""
    names: dict[str, str] = {}
    for cell in cells:
        if cell.id in names:
            continue
        free = cell.name not in library.names() and cell.name not in taken
        names[cell.id] = library.by_id().get(cell.id) or (cell.name if free else short_id(cell.id))
        taken.add(names[cell.id])
    return names


def cell_faults(texts: Mapping[str, str]) -> Iterator[str]:
    """Yield what is no cell of a plan's own."""
    for name, text in texts.items():
        try:
            cell = Cell.parse(text, "cell")
            if not cell.id or cell.name != name or name in library.names():
                yield f"cells.{name[:80]}: its text is that of {cell.name}, or the library has one of that name"
        except CellError as error:
            yield f"cells.{name[:80]}: {error}"
