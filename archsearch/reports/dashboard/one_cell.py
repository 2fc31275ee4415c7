"""All that a run knows of one of its cells: where it stands, its equations, its trials, its family, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass

from archsearch.actions.board_words import cell_name, ratio_text, title
from archsearch.actions.lineage import read_lineage
from archsearch.actions.verdict_words import verdict_sentences
from archsearch.cell import Cell
from archsearch.protocol.fitness import Judgement
from archsearch.protocol.records import Outcome, Trial
from archsearch.reports.content import Panel, ShownTable
from archsearch.reports.curves import curves_of_trials
from archsearch.reports.dashboard.candidates import kin_listing
from archsearch.reports.dashboard.listing import Listing
from archsearch.reports.dashboard.live import Snapshot
from archsearch.reports.family import edits, equations
from archsearch.store import Row, RunStore
from archsearch.store.history import RecordedOutcomes, RecordedPast
from archsearch.words import polynomial, short_id

MOST = 200
"""Trials, ancestors and children that are shown."""


@dataclass(frozen=True)
class CellPage:
    """One cell.

    Attributes:
        id: Its id.
        name: What people call it.
        cell: The cell.
        facts: Headings and what is known.
        equations: Its equations; those that differ from its parent's begin with "-" or "+" if it has one.
        parent: Its parent's id; empty if it has none.
        parent_name: What people call that.
        made: The mutations that made it, where.
        verdict: What the referee says of it, in sentences; empty if it was not asked.
        tasks: Its best on each task; None if it has no fitness.
        trials: How its trials ended.
        steps: The steps that tried it.
        line: Its ancestors, the youngest first.
        children: Its children.
        notes: What was left out.
        panels: Its curves.
    """

    id: str
    name: str
    cell: Cell
    facts: dict[str, str]
    equations: tuple[str, ...]
    parent: str
    parent_name: str
    made: tuple[str, ...]
    verdict: tuple[str, ...]
    tasks: ShownTable | None
    trials: ShownTable
    steps: ShownTable
    line: Listing
    children: Listing
    notes: tuple[str, ...]
    panels: tuple[Panel, ...]


def known_cell(snapshot: Snapshot, cell: str) -> bool:
    """Whether a run knows a cell of that id."""
    return cell in snapshot.kin.births or any(row.id == cell for row in snapshot.material.board.rows)


def read_cell_page(snapshot: Snapshot, identity: str) -> CellPage:
    """Return what a run knows of a cell.

    Args:
        snapshot: The run.
        identity: The cell's id.

    Raises:
        StoreError: The records cannot be read, or contradict each other.
    """
    material, kin = snapshot.material, snapshot.kin
    row = next((row for row in material.board.rows if row.id == identity), None)
    with RunStore.open(material.folder, again=True) as store, store.database.moment():
        cell, trials = store.cells.read(identity), store.trials.of(identity)
        judgement = row.judgement if row else _judged(snapshot, store, identity)
        step = kin.births.get(identity)
        parent = store.cells.read(step.parent) if step and step.parent else None
        line = [birth.parent for birth in read_lineage(store, identity) if birth.parent]
        tried = store.steps.of(identity, len(material.steps))
    ended = [(each, verdict) for each, verdict in tried if verdict is not None and each.kind != "placebo"]
    children = kin.children.get(identity, [])
    left_out = {"trials": len(trials), "ancestors": len(line), "children": len(children)}
    steps = tuple((each.number, each.kind, verdict.fate, verdict.reason) for each, verdict in ended)
    return CellPage(
        id=identity,
        name=(row.name if row else "") or cell_name(identity),
        cell=cell,
        facts=_facts(snapshot, cell, row, judgement),
        equations=edits(parent, cell) if parent else tuple(equations(cell).splitlines()),
        parent=step.parent if step else "",
        parent_name=cell_name(step.parent) if step and step.parent else "",
        made=tuple(map(str, step.applied)) if step else (),
        verdict=tuple(
            verdict_sentences(row.verdict, "this run", material.board.control) if row and row.verdict else ()
        ),
        tasks=_tasks(judgement),
        trials=_trials(trials[:MOST]),
        steps=ShownTable(("step", "kind", "ended as", "reason"), steps),
        line=kin_listing(kin, [one for one in line[:MOST] if one in kin.births]),
        children=kin_listing(kin, children[:MOST]),
        notes=tuple(
            f"The first {MOST} of {count:,} {what} are shown."
            for what, count in left_out.items()
            if count > MOST
        ),
        panels=curves_of_trials(material, cell_name(identity), trials),
    )


def _judged(snapshot: Snapshot, store: RunStore, identity: str) -> Judgement | None:
    """Return the fitness of a candidate that is not in the pool; None if it has none."""
    history = snapshot.material.history
    past = RecordedPast(store, history.plan, history.baseline, RecordedOutcomes(store), belief=history.belief)
    candidate = past(identity, history.told)
    return candidate.judgement if candidate else None


def _facts(snapshot: Snapshot, cell: Cell, row: Row | None, judgement: Judgement | None) -> dict[str, str]:
    """Return what is known of a cell in a line each.

    Args:
        snapshot: The run.
        cell: The cell.
        row: Its row on the leaderboard, if it has one.
        judgement: Its fitness, if it has one.
    """
    kin, facts = snapshot.kin, {"id": cell.id}
    scored = len(kin.ranks)
    if cell.id in kin.ranks:
        facts["rank"] = f"{kin.ranks[cell.id]:,} of {scored:,}"
    elif row is not None:
        facts["rank"] = "reference"
    elif cell.id in kin.fates:
        facts["ended as"] = kin.fates[cell.id]
    if judgement is not None:
        facts["fitness"] = ratio_text(judgement.fitness, 3)
        if snapshot.material.plan.in_blocks:
            facts["estimate"] = ratio_text(judgement.estimate, 3)
    facts["parameters"] = f"{polynomial(cell.polynomial)} at width n"
    facts["states"] = ", ".join(cell.states)
    return facts


def _tasks(judgement: Judgement | None) -> ShownTable | None:
    if judgement is None:
        return None
    rows = tuple(
        (title(task), one.score, one.skill, one.ratio, one.units, one.settings, str(one.setting))
        for task, one in judgement.tasks.items()
    )
    return ShownTable(("task", "score", "skill", "ratio", "width", "settings", "best setting"), rows)


def _trials(trials: list[tuple[Trial, Outcome]]) -> ShownTable:
    columns = ("task", "trial", "ended", "score", "best at step", "steps", "seconds", "setting", "reason")
    rows = tuple(
        (
            title(trial.task),
            short_id(trial.key),
            outcome.status,
            outcome.score,
            outcome.best_step,
            outcome.steps,
            round(outcome.seconds, 1),
            str(trial.setting),
            "".join(outcome.reason.strip().splitlines()[-1:]) or None,
        )
        for trial, outcome in trials
    )
    return ShownTable(columns, rows)
