"""The ledger of operators as a section: which of them made children that came far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from archsearch.actions.board_words import title
from archsearch.protocol.history import SETTLED
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Step, Verdict
from archsearch.reports.content import DrawnSeries, Panel, Section, ShownTable, Value
from archsearch.reports.material import RunMaterial

TOP = 10
MOST = 40
"""Operators that are shown; a run has far fewer."""


@dataclass
class _Child:
    """How far a child came, over all steps that tried it.

    Attributes:
        operators: What made it.
        passed: Whether it passed the filter.
        gates: How many gates it passed.
        scored: Whether it has a fitness.
    """

    operators: frozenset[str]
    passed: bool = False
    gates: int = 0
    scored: bool = False

    def tell(self, step: Step, verdict: Verdict) -> None:
        """Take in how a step that tried it ended."""
        self.passed |= verdict.fate in SETTLED
        self.scored |= verdict.fate == "evaluated"
        self.gates = max(self.gates, verdict.reached - (verdict.fate != "evaluated"))


def ledger_of_operators(material: RunMaterial) -> Section:
    """Return for every operator how many children it had a part in, and how far they came."""
    children = _children(material)
    key, heading = "operators", "Operators"
    if not children:
        return Section(key, heading, ("No child has been tried yet.",))
    stations = _stations(material, children)
    names = [name for name, _ in stations["children"].most_common(MOST)]
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (name, *(counts[name] for counts in stations.values())) for name in names
    )
    shares = [
        DrawnSeries(
            station, "bars", tuple(names), tuple(counts[name] / stations["children"][name] for name in names)
        )
        for station, counts in stations.items()
        if station not in ("children", "in the top ten") and counts.total()
    ]
    words = (
        "A child that several operators made counts for each of them, so what one of them did alone is not told apart; "
        "with few children a share is little but chance. `archsearch study operators` says how much better they were than "
        "their parents.",
    )
    return Section(
        key=key,
        title=heading,
        words=words,
        panels=(Panel("How far children came", "operator", "share of its children", tuple(shares)),)
        if shares
        else (),
        table=ShownTable(("operator", *stations), rows),
    )


def _children(material: RunMaterial) -> dict[str, _Child]:
    children: dict[str, _Child] = {}
    for step, verdict in material.steps:
        if step.kind in ("nothing", "placebo"):
            continue
        if step.cell not in children and step.applied:
            children[step.cell] = _Child(frozenset(one.operator for one in step.applied))
        if child := children.get(step.cell):
            child.tell(step, verdict)
    return children


def _stations(material: RunMaterial, children: dict[str, _Child]) -> dict[str, Counter[str]]:
    """Return for each station how many children of each operator reached it."""
    plan: RunPlan = material.plan
    ranks = {row.id: row.rank for row in material.board.rows if row.rank is not None}
    reached: dict[str, set[str]] = {
        "children": set(children),
        "passed the filter": {cell for cell, child in children.items() if child.passed},
    }
    for number, task in enumerate(plan.tasks[:-1], 1):
        reached[f"passed {title(task.name)}"] = {
            cell for cell, child in children.items() if child.gates >= number
        }
    reached["scored"] = {cell for cell, child in children.items() if child.scored}
    reached["in the pool"] = {cell for cell in children if cell in ranks}
    reached["in the top ten"] = {cell for cell in children if ranks.get(cell, TOP + 1) <= TOP}
    return {
        station: Counter(operator for cell in cells for operator in children[cell].operators)
        for station, cells in reached.items()
    }
