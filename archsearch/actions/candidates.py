"""Writes the candidates of a run as a file for other programs: a line of JSON for each, or Parquet."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from archsearch.cell import Cell
from archsearch.errors import InputError
from archsearch.protocol.candidates import FORMAT, VERSION, CandidateLine, Header, TrialLine, to_lines
from archsearch.protocol.history import History
from archsearch.protocol.references import reference_cells
from archsearch.store import RunStore, read_history

LINES, TABLE = ".jsonl", ".parquet"
"""The endings of the files."""


def candidates_of_run(store: RunStore, run: str) -> tuple[Header, Iterator[CandidateLine]]:
    """Return what a file of a run's candidates begins with, and its cells: candidates by step, then other references.

    Args:
        store: The run's database.
        run: What the run is called.

    Raises:
        StoreError: The run's records cannot be read.
    """
    plan = store.facts.plan
    history, _ = read_history(store, plan)
    references = {cell.id: (name, cell) for name, cell in reference_cells(plan).items()}
    tried = [
        step.cell
        for step, verdict in store.steps.read()
        if verdict and step.kind not in ("nothing", "placebo")
    ]
    cells = dict.fromkeys([*tried, *references])
    return Header(FORMAT, VERSION, run, plan), (
        _line(store, history, identity, *references.get(identity, ("", None))) for identity in cells
    )


def _line(
    store: RunStore, history: History, identity: str, reference: str, known: Cell | None
) -> CandidateLine:
    """Return a cell's line.

    Args:
        store: The run's database, which has a reference only once its trials have begun.
        history: Of the run.
        identity: The cell's id.
        reference: What it is called as a reference; empty for none.
        known: The cell, if it is a reference.
    """
    candidate = history.candidate(identity)
    judgement = candidate.judgement if candidate else None
    return CandidateLine(
        id=identity,
        text=(known or store.cells.read(identity)).text(),
        reference=reference,
        step=candidate.step if candidate else None,
        parent=candidate.parent if candidate else "",
        mutations=tuple(mutation.operator for mutation in candidate.applied) if candidate else (),
        proposer=candidate.proposer if candidate else "",
        fate=candidate.fate if candidate else "",
        fitness=judgement.fitness if judgement else None,
        estimate=judgement.estimate if judgement else None,
        ratios={task: result.ratio for task, result in judgement.tasks.items()} if judgement else {},
        trials=tuple(TrialLine.of(trial, outcome) for trial, outcome in store.trials.of(identity)),
    )


def check_ending(path: Path) -> None:
    """Refuse a file that could not be written, before anything is read.

    Raises:
        InputError: Its ending is none of ours, or its package is missing.
    """
    if path.suffix not in (LINES, TABLE):
        raise InputError(
            f"{path}: a file of candidates ends in {LINES}, or in {TABLE} where pyarrow is installed"
        )
    if path.suffix == TABLE:
        _pyarrow(path)


def _pyarrow(path: Path, module: str = "pyarrow") -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InputError(
            f"{path}: Parquet needs pyarrow, which is not installed: "
            f"pip install archsearch[data], or give {path.stem}{LINES}"
        ) from None


def candidates_bytes(store: RunStore, run: str, path: Path) -> bytes:
    """Return the content of a file of a run's candidates, in the format of its ending.

    Args:
        store: The run's database.
        run: What the run is called.
        path: The file that it is for.

    Raises:
        StoreError: The run's records cannot be read.
        InputError: The format's package is missing.
    """
    header, lines = candidates_of_run(store, run)
    if path.suffix == LINES:
        return b"".join(to_lines(header, lines))
    return _parquet(path, header, list(lines))


def _parquet(path: Path, header: Header, lines: list[CandidateLine]) -> bytes:
    """Return a table with a row for each trial, under the names of the lines; the header is in its metadata."""
    arrow, parquet = _pyarrow(path), _pyarrow(path, "pyarrow.parquet")
    rows = []
    for line in lines:
        cell = msgspec.to_builtins(line)
        trials, ratios = cell.pop("trials"), cell.pop("ratios")
        cell |= {f"ratio.{task}": ratios.get(task) for task in header.plan.task}
        for trial, read in zip(trials, line.trials, strict=True):
            settings = {f"setting.{name}": value for name, value in read.setting.items()}
            rest = {
                name: getattr(read, name)
                for name in TrialLine.__struct_fields__
                if name not in ("setting", "curve")
            }
            curve = [[float(value) for value in point] for point in trial.get("curve", [])]
            rows.append({**cell, **rest, **settings, "curve": curve})
    table = arrow.Table.from_pylist(rows)
    table = table.replace_schema_metadata({FORMAT: msgspec.json.encode(header)})
    written = io.BytesIO()
    parquet.write_table(table, written)
    return written.getvalue()
