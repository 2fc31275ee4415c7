"""A table of any length, of which a person sees a page: sorted, searched, and with a cell behind each row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from urllib.parse import urlencode

from archsearch.reports.content import ShownTable, Value

PER_PAGE = 50
LONGEST = 200
"""Letters of what a person looks for."""


@dataclass(frozen=True)
class Wish:
    """What a person wants to see of a table; the address of the page says it.

    Attributes:
        sort: The heading of the column that rows are sorted by; empty for their own order.
        down: Whether the largest comes first.
        find: What a row has to hold.
        only: What the column with few values has to say; empty for anything.
        page: Which page, from 1.
    """

    sort: str = ""
    down: bool = False
    find: str = ""
    only: str = ""
    page: int = 1

    @classmethod
    def said(cls, asked: Mapping[str, str]) -> Wish:
        """Return what an address says; what makes no sense says nothing."""
        number = asked.get("page", "1")
        return cls(
            sort=asked.get("sort", ""),
            down=asked.get("down") == "1",
            find=asked.get("find", "").strip()[:LONGEST],
            only=asked.get("only", ""),
            page=int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 1,
        )

    @property
    def address(self) -> str:
        """The end of the address that says it."""
        said = {"sort": self.sort, "down": "1" if self.down else "", "find": self.find, "only": self.only}
        said["page"] = str(self.page) if self.page > 1 else ""
        return "?" + urlencode({key: value for key, value in said.items() if value})


@dataclass(frozen=True)
class Heading:
    """Of a column.

    Attributes:
        name: What it says.
        address: What sorts by it, the other way round if it is sorted by already.
        sorted: "ascending", "descending", or "none".
    """

    name: str
    address: str
    sorted: str


@dataclass(frozen=True)
class Shown:
    """What a person sees of a table.

    Attributes:
        headings: Of the columns.
        rows: Each with the id of its cell, its values, and whether it stands out.
        wish: What was wanted, with the page that is shown.
        first: The number of the first row, from 1.
        last: That of the last.
        found: How many rows there are on all pages.
        total: How many there would be if nothing was looked for.
        pages: How many pages.
        choices: What may be said with `only`.
    """

    headings: tuple[Heading, ...]
    rows: tuple[tuple[str, tuple[Value, ...], bool], ...]
    wish: Wish
    first: int
    last: int
    found: int
    total: int
    pages: int
    choices: tuple[str, ...]

    @property
    def before(self) -> str:
        """The address of the page before; empty on the first."""
        return replace(self.wish, page=self.wish.page - 1).address if self.wish.page > 1 else ""

    @property
    def after(self) -> str:
        """The address of the page after; empty on the last."""
        return replace(self.wish, page=self.wish.page + 1).address if self.wish.page < self.pages else ""


@dataclass(frozen=True)
class Listing:
    """A table and the cells behind its rows.

    Attributes:
        table: The table.
        ids: The id of each row's cell.
        choice: The heading of a column with few values, of which a person may choose one; empty for none.
        orders: The places of the rows by the values of each column that was asked for, and those of rows without one.
    """

    table: ShownTable
    ids: tuple[str, ...]
    choice: str = ""
    orders: dict[str, tuple[list[int], list[int]]] = field(default_factory=dict)

    def prepare(self) -> Listing:
        """Do beforehand what takes long for many rows; return the listing."""
        assert self.texts is not None and self.choices is not None
        for name in self.table.columns:
            self._order(name, down=False)
        return self

    @cached_property
    def texts(self) -> list[str]:
        """What is looked through in each row."""
        return [
            " ".join((identity, *(value for value in row if isinstance(value, str)))).casefold()
            for identity, row in zip(self.ids, self.table.rows, strict=True)
        ]

    @cached_property
    def choices(self) -> tuple[str, ...]:
        """The values of the column that a person may choose of."""
        if self.choice not in self.table.columns:
            return ()
        column = self.table.columns.index(self.choice)
        return tuple(sorted({str(row[column]) for row in self.table.rows}))

    @property
    def rows(self) -> tuple[tuple[str, tuple[Value, ...], bool], ...]:
        """All rows: each with the id of its cell, its values, and whether it stands out."""
        return tuple(map(self._row, range(len(self.ids))))

    def _row(self, at: int) -> tuple[str, tuple[Value, ...], bool]:
        return self.ids[at], self.table.rows[at], at in self.table.marked

    def shown(self, wish: Wish) -> Shown:
        """Return the rows that a person wants to see."""
        found = self._found(wish)
        pages = max(1, -(-len(found) // PER_PAGE))
        page = min(max(1, wish.page), pages)
        first = (page - 1) * PER_PAGE
        rows = tuple(map(self._row, found[first : first + PER_PAGE]))
        return Shown(
            headings=tuple(self._heading(name, wish) for name in self.table.columns),
            rows=rows,
            wish=replace(wish, page=page),
            first=first + bool(rows),
            last=first + len(rows),
            found=len(found),
            total=len(self.ids),
            pages=pages,
            choices=self.choices,
        )

    def _found(self, wish: Wish) -> list[int]:
        order = self._order(wish.sort, wish.down)
        if wish.only in self.choices:
            column = self.table.columns.index(self.choice)
            order = [at for at in order if self.table.rows[at][column] == wish.only]
        if needle := wish.find.casefold():
            texts = self.texts
            order = [at for at in order if needle in texts[at]]
        return order

    def _order(self, sort: str, down: bool) -> list[int]:
        if sort not in self.table.columns:
            return list(range(len(self.ids)))
        if sort not in self.orders:
            column = self.table.columns.index(sort)
            self.orders[sort] = in_order(row[column] for row in self.table.rows)
        known, others = self.orders[sort]
        return (known[::-1] if down else known) + others

    def _heading(self, name: str, wish: Wish) -> Heading:
        chosen = name == wish.sort
        down = not wish.down if chosen else self._falls(name)
        return Heading(
            name,
            replace(wish, sort=name, down=down, page=1).address,
            ("descending" if wish.down else "ascending") if chosen else "none",
        )

    def _falls(self, name: str) -> bool:
        """Whether the largest of a column is what a person looks for first."""
        column = self.table.columns.index(name)
        return any(isinstance(row[column], float) for row in self.table.rows[:PER_PAGE])


def in_order(values: Iterable[Value]) -> tuple[list[int], list[int]]:
    """Return the places of values in order, numbers before texts, and the places of what is nothing or no number."""
    known: list[tuple[bool, str | float, int]] = []
    others: list[int] = []
    for at, value in enumerate(values):
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            others.append(at)
        else:
            known.append((isinstance(value, str), value, at))
    known.sort()
    return [at for _, _, at in known], others
