"""How the front of a run is printed for people."""

from __future__ import annotations

from rich.console import Console

from archsearch.actions.board_words import cell_name, ratio_text
from archsearch.actions.front import Front
from archsearch.cli.tables import Column, print_table
from archsearch.protocol.traits import WIDTH
from archsearch.words import polynomial

COST = {
    "parameters": f"the parameters of a layer at width {WIDTH}",
    "flops": "the FLOPs",
    "time": "the time of a training step",
    "scan": "what a step of a scan over time costs, by the form of the Jacobian",
}
"""How people are told what a front is against."""


def print_front(out: Console, front: Front) -> None:
    """Print the cells on a front, the cheapest first.

    Args:
        out: Where it is printed.
        front: The front.
    """
    if not front.cells:
        out.print("No cell has a fitness yet; a run that goes on trains its references first.")
        return
    columns = [Column("rank", right=True, drop=2), Column("cell"), Column("fitness", right=True)]
    columns += [Column("estimate", right=True)] * front.in_blocks
    columns += [
        Column("parameters", right=True),
        Column("FLOPs", right=True, drop=1),
        Column("time", right=True, drop=3),
        Column("states", right=True),
        Column("Jacobian"),
    ]
    print_table(
        out,
        columns,
        [
            [
                "ref" if cell.rank is None else str(cell.rank),
                cell.name or cell_name(cell.id),
                ratio_text(cell.judgement.fitness, 3),
                *[ratio_text(cell.judgement.estimate, 3)] * front.in_blocks,
                polynomial(cell.polynomial),
                f"{cell.flops:,.0f}",
                "-" if cell.time is None else f"{cell.time:.2f}",
                str(cell.traits.states),
                cell.traits.jacobian,
            ]
            for cell in front.cells
        ],
    )
    value = "estimate" if front.in_blocks else "fitness"
    out.print(
        f"Of {front.scored:,} scored cells none beats these in both {value} and {COST[front.cost]}.",
        "FLOPs: of a forward step in the matrix products, at the widths of the best trials; the mean over the tasks.",
        "time: of a training step beside the GRU's, as the run took it; rough, for other work shared the machine.",
        sep="\n",
    )
