"""`archsearch show`."""

from __future__ import annotations

import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import click

from archsearch.cell import Cell, library, regrouped
from archsearch.cli.board import cell_name, polynomial, title
from archsearch.cli.cell_argument import Named, find_cell
from archsearch.cli.common import console, json_option, plain, print_json, runs_option
from archsearch.compiler.program import describe
from archsearch.mutations.description import described
from archsearch.protocol.records import Step
from archsearch.store import RunStore, existing_run

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
def show(cell: str, runs: Path, as_json: bool, with_plan: bool, regroup: bool) -> None:
    """Show a cell: its equations, parameters and ancestry.

    All but the equations are comments: what is printed is a .cell file again. `export --format svg` draws the graph.
    """
    named = find_cell(cell, runs)
    if regroup:
        named = _regrouped(named)
    ancestry = _ancestry(cell, named, runs)
    if as_json:
        print_json({**_document(named, ancestry), **({"plan": describe(named.cell)} if with_plan else {})})
        return
    out = console()
    for line in _equations(named.cell, ancestry):
        out.print(plain(line), soft_wrap=True)
    out.print()
    for fact in (*_facts(named), *(line["words"] for line in ancestry)):
        for line in textwrap.wrap(plain(fact), min(out.width, WIDTH) - 2, subsequent_indent=" " * 16):
            out.print(f"# {line}", soft_wrap=True)
    if with_plan:
        for line in ("", *describe(named.cell).splitlines()):
            out.print(f"# {plain(line)}".rstrip(), soft_wrap=True)


def _regrouped(named: Named) -> Named:
    """Return the cell that stands for all groupings; what a run says of a cell is said of that one alone."""
    cell = regrouped(named.cell)
    note = (*cell.note, f"Regrouped from {named.cell.id}.")
    return named if cell is named.cell else Named(cell.renamed(cell.name, note))


def _equations(cell: Cell, ancestry: list[dict[str, Any]]) -> list[str]:
    """Return the cell's text with a summary beside its first line."""
    lines = cell.text().splitlines()
    head = next(index for index, line in enumerate(lines) if line.startswith("cell "))
    parent = f" · child of {ancestry[0]['of']}" if ancestry else ""
    lines[head] += f"    # {summary(cell)}{parent}"
    return lines


def summary(cell: Cell) -> str:
    """Return the size of a cell: `6 linear, 2 gates, 1 state · 6n²+3n parameters`. A gate is a sigmoid that multiplies."""
    shown = cell.canonical()
    gates = [
        node
        for node in shown.ops
        if node.op == "sigmoid"
        and any(shown.node(reader).op == "mul" for reader in shown.consumers[node.handle])
    ]
    linears = sum(node.op == "linear" for node in shown.ops)
    counts = [f"{linears} linear"]
    counts += [
        f"{len(of)} {word}{'s' * (len(of) != 1)}" for of, word in ((gates, "gate"), (cell.states, "state"))
    ]
    return f"{', '.join(counts)} · {polynomial(cell.polynomial)} parameters"


def _facts(named: Named) -> list[str]:
    cell = named.cell
    counts = Counter(node.op for node in cell.canonical().ops)
    lines = [f"id          {cell.id}"]
    if published := library.by_id().get(cell.id):
        lines.append(f"published   {published}")
    lines.append("nodes       " + ", ".join(f"{count} {op}" for op, count in counts.most_common()))
    lines.append(f"parameters  {cell.parameter_count(128):,} at width 128, x as wide")
    lines += [f"always 0    {words}" for words in _zeros(cell)]
    if named.row is not None and named.board is not None:
        row = named.row
        rank = "reference" if row.rank is None else f"rank {row.rank}"
        lines.append(f"run         {named.board.run}, {rank}: fitness {row.fitness:.4f}, {row.trials} trials")
        for task, result in row.judgement.tasks.items():
            figures = f"score {result.score:.4f}  skill {result.skill:.3f}  ratio {result.ratio:.3f}"
            lines.append(f"  {title(task):<12}  {figures}   {result.setting}, width {result.units}")
    return lines


def _zeros(cell: Cell) -> list[str]:
    """Return the differences of a value and itself, which a search makes and nothing simplifies."""
    live = cell.canonical()
    return [
        described(live, node.handle)
        for node in live.ops
        if node.op == "sub" and node.inputs[0] == node.inputs[1]
    ]


def _ancestry(text: str, named: Named, runs: Path) -> list[dict[str, Any]]:
    """Return the line of parents of a cell of a run, the youngest first."""
    if named.board is None:
        return []
    store = RunStore.open(existing_run(text.rpartition("/")[0], runs))
    try:
        born: dict[str, Step] = {}
        for step, _ in store.steps():
            if step.cell:
                born.setdefault(step.cell, step)
        lines: list[dict[str, Any]] = []
        current = named.cell.id
        while current in born and born[current].parent:
            step = born[current]
            operators = "; ".join(f"{one.operator} at {one.words}" for one in step.applied)
            parent = cell_name(step.parent)
            words = (
                f"{'child of' if not lines else 'that of':<11} {parent}, at step {step.number}: {operators}"
            )
            mutations = [f"{one.operator} at {one.words}" for one in step.applied]
            lines.append(
                {
                    "id": current,
                    "parent": step.parent,
                    "step": step.number,
                    "mutations": mutations,
                    "words": words,
                    "of": parent,
                }
            )
            current = step.parent
        return lines
    finally:
        store.close()


def _document(named: Named, ancestry: list[dict[str, Any]]) -> dict[str, Any]:
    cell, row = named.cell, named.row
    return {
        "id": cell.id,
        "name": cell.name,
        "text": cell.text(),
        "states": list(cell.states),
        "published": library.by_id().get(cell.id),
        "parameters": dict(zip(("n2", "n"), cell.polynomial, strict=True)),
        "run": named.board.run if named.board else None,
        "rank": row.rank if row else None,
        "fitness": row.fitness if row else None,
        "ancestry": [{key: line[key] for key in ("id", "parent", "step", "mutations")} for line in ancestry],
    }
