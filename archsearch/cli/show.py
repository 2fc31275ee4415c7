"""`archsearch show`."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from archsearch.actions.board_words import PROPOSED, cell_name, ratio_text, title
from archsearch.actions.cells import NamedCell, find_cell
from archsearch.actions.lineage import Ancestor, Birth, read_family, read_lineage
from archsearch.cell import Cell, jacobian_class, library, regrouped
from archsearch.cli.options import json_option, runs_option
from archsearch.cli.printing import console, print_json
from archsearch.compiler.program import describe
from archsearch.errors import InputError
from archsearch.mutations.description import describe_node
from archsearch.mutations.roles import is_gate
from archsearch.protocol import traits
from archsearch.protocol.records import Outcome, Trial
from archsearch.store import RunStore
from archsearch.words import plain, polynomial

WIDTH = 120
"""Columns after which facts go on in another line, also where there is more room."""


@click.command(epilog="Example: archsearch show gru")
@click.argument("cell")
@runs_option
@json_option
@click.option("--plan", "with_plan", is_flag=True, help="Show also how the cell is computed.")
@click.option(
    "--regroup", is_flag=True, help="Show the cell that stands for all groupings of its sums and products."
)
@click.option(
    "--tree",
    "with_tree",
    is_flag=True,
    help="Show the family tree of a cell of a run, from its start cell on.",
)
def show(cell: str, runs: Path, as_json: bool, with_plan: bool, regroup: bool, with_tree: bool) -> None:
    """Show a cell: its equations, parameters and ancestry.

    All but the equations are comments: what is printed is a .cell file again. `export --format svg` draws the graph.
    """
    named = find_cell(cell, runs)
    if regroup:
        named = _regrouped(named)
    lineage = _lineage(named)
    family = _family(named, cell) if with_tree else []
    if as_json:
        more = {"plan": describe(named.cell)} if with_plan else {}
        print_json(
            {**_document(named, lineage), **more, **({"tree": _tree_document(family)} if family else {})}
        )
        return
    out = console()
    for line in _equations(named.cell, lineage):
        out.print(plain(line), soft_wrap=True)
    out.print()
    for fact in (*_facts(named), *_births(lineage)):
        for line in textwrap.wrap(plain(fact), min(out.width, WIDTH) - 2, subsequent_indent=" " * 16):
            out.print(f"# {line}", soft_wrap=True)
    for line in ("", *_branches(family)) if family else ():
        out.print(f"# {plain(line)}".rstrip(), soft_wrap=True)
    if with_plan:
        for line in ("", *describe(named.cell).splitlines()):
            out.print(f"# {plain(line)}".rstrip(), soft_wrap=True)


def _regrouped(named: NamedCell) -> NamedCell:
    """Return the cell that stands for all groupings; what a run says of a cell is said of that one alone."""
    cell = regrouped(named.cell)
    note = (*cell.note, f"Regrouped from {named.cell.id}.")
    return named if cell is named.cell else NamedCell(cell.renamed(cell.name, note))


def _lineage(named: NamedCell) -> list[Birth]:
    """Return the line of parents of a cell of a run, the youngest first."""
    if named.folder is None:
        return []
    with RunStore.open(named.folder) as store:
        return read_lineage(store, named.cell.id)


def _family(named: NamedCell, given: str) -> list[Ancestor]:
    """Return a cell of a run after its ancestors.

    Raises:
        InputError: It is no cell of a run.
    """
    if named.folder is None:
        raise InputError(f"--tree shows the ancestors of a cell of a run, such as quick-1/1; {given} is none")
    with RunStore.open(named.folder) as store:
        return read_family(store, named.cell.id)


def _branches(family: Sequence[Ancestor]) -> Iterator[str]:
    """Yield a line per ancestor: its name, its fitness, and what made it out of the one above."""
    for depth, ancestor in enumerate(family):
        lead = "   " * (depth - 1) + "└─ " if depth else ""
        fitness = "no fitness" if ancestor.fitness is None else ratio_text(ancestor.fitness, 3)
        made = f"  step {ancestor.birth.step}: {_made(ancestor.birth)}" if ancestor.birth else ""
        yield f"{lead}{cell_name(ancestor.cell)}  {fitness}{made}"


def _tree_document(family: Sequence[Ancestor]) -> dict[str, Any] | None:
    """Return the tree as plain values: each cell holds the child that leads to the last one."""
    if not family:
        return None
    first, *younger = family
    return {
        "id": first.cell,
        "name": library.by_id().get(first.cell),
        "fitness": first.fitness,
        "step": first.birth.step if first.birth else None,
        "mutations": first.birth.mutations if first.birth else [],
        "proposer": (first.birth.proposer or None) if first.birth else None,
        "child": _tree_document(younger),
    }


def _births(lineage: list[Birth]) -> list[str]:
    """Return a line per birth: whose child or that it was proposed, at which step, by what."""
    leads = ["child of", *("that of" for _ in lineage[1:])]
    return [
        f"{lead:<11} {cell_name(birth.parent)}, at step {birth.step}: {_made(birth)}"
        if birth.parent
        else f"{'origin':<11} {_made(birth)}, at step {birth.step}"
        for lead, birth in zip(leads, lineage, strict=False)
    ]


def _made(birth: Birth) -> str:
    """Return what made a cell."""
    return "; ".join(birth.mutations) if birth.parent else PROPOSED[birth.proposer]


def _equations(cell: Cell, lineage: list[Birth]) -> list[str]:
    """Return the cell's text with a summary beside its first line."""
    lines = cell.text().splitlines()
    head = next(index for index, line in enumerate(lines) if line.startswith("cell "))
    lines[head] += f"    # {summary(cell)}{_origin(lineage[0]) if lineage else ''}"
    return lines


def _origin(birth: Birth) -> str:
    return f" · {f'child of {cell_name(birth.parent)}' if birth.parent else _made(birth)}"


def summary(cell: Cell) -> str:
    """Return the size of a cell: `6 linear, 2 gates, 1 state · 6n²+3n parameters`. A gate is a sigmoid that multiplies."""
    canonical = cell.canonical()
    linears = sum(node.op == "linear" for node in canonical.ops)
    gates = sum(is_gate(canonical, node.handle) for node in canonical.ops)
    counts = f"{linears} linear, {_counted(gates, 'gate')}, {_counted(len(cell.states), 'state')}"
    return f"{counts} · {polynomial(cell.polynomial)} parameters"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"


def _facts(named: NamedCell) -> list[str]:
    cell = named.cell
    counts = Counter(node.op for node in cell.canonical().ops)
    lines = [f"id          {cell.id}"]
    if published := library.by_id().get(cell.id):
        lines.append(f"published   {published}")
    lines.append("nodes       " + ", ".join(f"{count} {op}" for op, count in counts.most_common()))
    lines.append(
        f"parameters  {traits.layer_parameters(cell.polynomial):,} at width {traits.WIDTH}, x as wide"
    )
    lines.append(f"Jacobian    {jacobian_class(cell)}")
    lines += [f"always 0    {words}" for words in _zeros(cell)]
    if named.row is not None and named.board is not None:
        row = named.row
        rank = "reference" if row.rank is None else f"rank {row.rank}"
        fitness = ratio_text(row.fitness, 4)
        lines.append(f"run         {named.board.run}, {rank}: fitness {fitness}, {row.trials} trials")
        for task, result in row.judgement.tasks.items():
            figures = (
                f"score {result.score:.4f}  skill {result.skill:.3f}  ratio {ratio_text(result.ratio, 3)}"
            )
            lines.append(f"  {title(task):<12}  {figures}   {result.setting}, width {result.units}")
    return lines + [_fate(trial, outcome) for trial, outcome in named.trials]


def _fate(trial: Trial, outcome: Outcome) -> str:
    """Return how a trial ended, with the last line of the reason why it has no score."""
    said = "".join(outcome.reason.strip().splitlines()[-1:])
    why = f"score {outcome.score:.4f}" if outcome.score is not None else said or "without a reason"
    return f"trial       {outcome.status}: {trial.task}, {trial.setting}, {trial.steps:,} steps: {why}"


def _zeros(cell: Cell) -> list[str]:
    """Return the differences of a value and itself, which a search makes and nothing simplifies."""
    live = cell.canonical()
    return [
        describe_node(live, node.handle)
        for node in live.ops
        if node.op == "sub" and node.inputs[0] == node.inputs[1]
    ]


def _document(named: NamedCell, lineage: list[Birth]) -> dict[str, Any]:
    cell, row = named.cell, named.row
    return {
        "id": cell.id,
        "name": cell.name,
        "text": cell.text(),
        "states": list(cell.states),
        "published": library.by_id().get(cell.id),
        "parameters": cell.coefficients,
        "jacobian": str(jacobian_class(cell)),
        "run": named.board.run if named.board else None,
        "rank": row.rank if row else None,
        "fitness": row.fitness if row else None,
        "trials": [
            {
                "task": trial.task,
                "setting": trial.setting.as_dict(),
                "steps": trial.steps,
                "status": outcome.status,
                "score": outcome.score,
                "reason": outcome.reason,
            }
            for trial, outcome in named.trials
        ],
        "ancestry": [birth.as_dict() for birth in lineage],
    }
