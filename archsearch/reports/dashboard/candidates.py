"""The two long tables of a run: its leaderboard, and every candidate that was ever tried."""

from __future__ import annotations

from collections.abc import Iterable

from archsearch.actions.board_words import PROPOSED, cell_name, operators
from archsearch.reports.content import ShownTable, Value
from archsearch.reports.dashboard.kin import Kin
from archsearch.reports.dashboard.listing import Listing
from archsearch.reports.material import RunMaterial
from archsearch.reports.standing import standing_table


def board_listing(material: RunMaterial) -> Listing:
    """Return the leaderboard: the pool and all references."""
    rows = list(material.board.rows)
    if not rows:
        return Listing(ShownTable((), ()), ())
    return Listing(standing_table(material.board, rows), tuple(row.id for row in rows))


def candidate_listing(kin: Kin) -> Listing:
    """Return every candidate in the order in which they came."""
    return kin_listing(kin, kin.births, "ended as")


def kin_listing(kin: Kin, cells: Iterable[str], choice: str = "") -> Listing:
    """Return some candidates.

    Args:
        kin: All candidates of the run.
        cells: The ids of those that are shown.
        choice: The heading of the column of which a person may choose a value.
    """
    ids = tuple(cells)
    columns = ("step", "cell", "ended as", "rank", "estimate", "parent", "made by", "children")
    return Listing(ShownTable(columns, tuple(_values(kin, cell) for cell in ids)), ids, choice)


def _values(kin: Kin, cell: str) -> tuple[Value, ...]:
    step, place = kin.births[cell], kin.places.get(cell)
    return (
        step.number,
        cell_name(cell),
        kin.fates.get(cell),
        kin.ranks.get(cell),
        None if place is None else -place.loss,
        cell_name(step.parent) if step.parent else None,
        operators(mutation.operator for mutation in step.applied) or PROPOSED[step.proposer] or None,
        len(kin.children.get(cell, ())),
    )
