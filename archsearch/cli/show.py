"""`archsearch show`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from archsearch.cell import Cell, library
from archsearch.cli.board import polynomial
from archsearch.cli.cell_argument import SHORT, Named, find_cell
from archsearch.cli.common import console, json_option, plain, print_json, runs_option
from archsearch.compiler.plan import describe
from archsearch.protocol.records import Step
from archsearch.store import RunStore, existing_run


@click.command(epilog="Example: archsearch show gru")
@click.argument("cell")
@runs_option
@json_option
@click.option("--plan", "with_plan", is_flag=True, help="Show also how the cell is computed.")
def show(cell: str, runs: Path, as_json: bool, with_plan: bool) -> None:
    """Show a cell: its equations, parameters and ancestry."""
    named = find_cell(cell, runs)
    ancestry = _ancestry(cell, named, runs)
    if as_json:
        print_json({**_document(named, ancestry), **({"plan": describe(named.cell)} if with_plan else {})})
        return
    out, found = console(), named.cell
    out.print(plain(found.text()), end="")
    out.print()
    out.print(f"id          {found.id}")
    published = library.by_id().get(found.id)
    if published:
        out.print(f"published   {published}")
    out.print(f"graph       {_graph_words(found)}")
    out.print(
        f"parameters  {polynomial(found.polynomial)} at width n, x of width n: {found.parameter_count(128):,} at n = 128"
    )
    if named.row is not None and named.board is not None:
        row = named.row
        rank = row.rank or "none (reference)"
        out.print(f"run         {named.board.run}, rank {rank}, fitness {row.fitness:.4f}, {row.trials} trials")
        for task, result in row.judgement.tasks.items():
            figures = f"score {result.score:.4g}, skill {result.skill:.3f}, ratio {result.ratio:.3f}"
            out.print(f"  {plain(task):<12} {figures}   {result.setting}")
    for line in ancestry:
        out.print(plain(line["words"]))
    if with_plan:
        out.print(f"\n{plain(describe(found))}", end="")


def _graph_words(cell: Cell) -> str:
    counts = Counter(node.op for node in cell.canonical().ops)
    parts = ", ".join(f"{count} {op}" for op, count in counts.most_common())
    states = f"{len(cell.states)} state{'s' if len(cell.states) > 1 else ''} ({', '.join(cell.states)})"
    return f"{states}, {sum(counts.values())} nodes: {parts}"


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
        current, names = named.cell.id, library.by_id()
        while current in born and born[current].parent:
            step = born[current]
            operators = ", ".join(f"{one.operator} at {one.words}" for one in step.applied)
            parent = names.get(step.parent, step.parent[:SHORT])
            words = f"child of    {parent} at step {step.number}: {operators}"
            mutations = [one.operator for one in step.applied]
            lines.append(
                {"id": current, "parent": step.parent, "step": step.number, "mutations": mutations, "words": words}
            )
            current = step.parent
        return lines
    finally:
        store.close()


def _document(named: Named, ancestry: list[dict[str, Any]]) -> dict[str, Any]:
    cell = named.cell
    return {
        "id": cell.id,
        "name": cell.name,
        "text": cell.text(),
        "states": list(cell.states),
        "published": library.by_id().get(cell.id),
        "parameters": dict(zip(("n2", "n"), cell.polynomial, strict=True)),
        "ancestry": [{key: value for key, value in line.items() if key != "words"} for line in ancestry],
    }
