"""What others may ask of a run from outside, as plain values: all of it is reading, but for proposals to its inbox.

No argument names a file: a cell is a rank, an id, or a name of the library. Nothing is opened but the run's database, for
reading, and its inbox. Test scores are not told, since who asks may propose cells: of the referee, which judges on test
data, only the rulings are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import msgspec
from msgspec.structs import replace

from archsearch.actions.propose import leave_proposals, read_stream
from archsearch.actions.status import run_status
from archsearch.cell import Cell, library
from archsearch.cell.guide import guide
from archsearch.errors import ArchsearchError, InputError
from archsearch.protocol.hearing import Hearing
from archsearch.protocol.records import Outcome, Trial
from archsearch.store import RunStore, as_document, read_history, read_leaderboard
from archsearch.store.claims import read_hearings

MOST_ROWS = 100
"""Ranks that are told at once."""

MOST_CHARACTERS = 2**20
"""Of proposed cells at once."""

RANK, IDENTITY = re.compile(r"[1-9]\d{0,5}"), re.compile(r"c[0-9a-f]{2,32}")

TOLD = (
    "state",
    "preset",
    "strategy",
    "seed",
    "phase",
    "done",
    "due",
    "told",
    "candidates",
    "scored",
    "best",
    "best_cell",
    "seconds",
    "rate",
    "max_candidates",
    "max_seconds",
    "seconds_left",
    "failures",
)
"""What is told of a run's status."""

OF_OUTCOME = ("status", "score", "best_step", "units", "parameters", "seconds")
"""What is told of a trial's end."""

Given = ParamSpec("Given")


def _without_paths(tool: Callable[Given, Any]) -> Callable[Given, Any]:
    """Let a tool say what is wrong without saying where the run lies."""

    @wraps(tool)
    def told(*given: Given.args, **named: Given.kwargs) -> Any:
        try:
            return tool(*given, **named)
        except ArchsearchError as error:
            folder: Path = given[0].folder  # type: ignore[attr-defined]
            raise InputError(str(error).replace(str(folder), folder.name)) from None

    return told


class RunTools:
    """The tools of one run.

    Args:
        folder: The run's folder.

    Attributes:
        folder: The same.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @_without_paths
    def status(self) -> dict[str, Any]:
        """Say what the run is doing: state, phase, steps, candidates, best fitness, rate, time left."""
        status = run_status(self.folder)
        if status.fault:
            raise InputError(status.fault)
        with RunStore.open(self.folder) as store:
            tasks = [
                {"name": task.name, "floor": task.facts.floor, "ceiling": task.facts.ceiling}
                for task in store.facts.plan.tasks
            ]
        return {**{name: getattr(status, name) for name in TOLD}, "tasks": tasks}

    @_without_paths
    def leaderboard(self, top: int = 10) -> dict[str, Any]:
        """Rank the cells: fitness (the worst task's ratio to the GRU), and per task score, ratio and setting."""
        if not 1 <= top <= MOST_ROWS:
            raise InputError(f"top {top}: from 1 to {MOST_ROWS} ranks are told at once")
        with RunStore.open(self.folder) as store:
            board = read_leaderboard(store, self.folder.name)
        told = tuple(replace(row, read_outs={}) for row in board.rows)  # as good as test scores
        document = as_document(replace(board, rows=told), top)
        rulings = {row.id: None if row.verdict is None else row.verdict.ruling.value for row in board.rows}
        document["rows"] = [{**row, "verdict": rulings[row["id"]]} for row in document["rows"]]
        document["verdict"] = None if board.verdict is None else board.verdict.ruling.value
        return document

    @_without_paths
    def show_cell(self, cell: str) -> dict[str, Any]:
        """Show a cell: text, parameters, what the run says of it, and its trials.

        `cell` is a rank such as "3", an id or the beginning of one such as "c1f0a", or a library name such as "gru".
        """
        if cell in library.names():
            return _described(library.load(cell))
        with RunStore.open(self.folder) as store:
            found = store.cells.read(self._identity(store, cell))
            candidate = read_history(store, store.facts.plan)[0].candidate(found.id)
            trials = [_trial(*each) for each in store.trials.of(found.id)]
        shown = _described(found)
        if candidate is not None:
            shown |= {"fate": candidate.fate, "parent": candidate.parent, "step": candidate.step}
            shown |= {"mutations": [one.operator for one in candidate.applied]}
            shown |= {"proposer": candidate.proposer or "search"}
        if candidate is not None and candidate.judgement is not None:
            shown |= {"fitness": candidate.fitness, "estimate": candidate.estimate}
            results = candidate.judgement.tasks.items()
            shown["tasks"] = {
                task: {"score": result.score, "ratio": result.ratio} for task, result in results
            }
        return {**shown, "trials": trials}

    @_without_paths
    def verdicts(self) -> list[dict[str, Any]]:
        """Tell what the referee has ruled on cells of the run beside the GRU, on fresh data that no search has read."""
        with RunStore.open(self.folder) as store:
            return [_ruling(hearing) for hearing in read_hearings(store, store.facts.plan).values()]

    @_without_paths
    def library_cells(self) -> list[dict[str, Any]]:
        """List the published cells: name, id, source."""
        cells = [library.load(name) for name in library.names()]
        return [{"name": cell.name, "id": cell.id, "note": " ".join(cell.note)} for cell in cells]

    @_without_paths
    def cell_language(self) -> str:
        """Explain how cells are written, and how large they may be in this run."""
        with RunStore.open(self.folder) as store:
            space = store.facts.plan.space
        limits = f"{space.limits.nodes} nodes that compute, {space.limits.linears} linear ones among them"
        return f"{guide()}\nA cell of this run has at most {limits}."

    @_without_paths
    def propose(self, cells: str) -> list[dict[str, Any]]:
        """Propose cells, one text after the other; each is answered: new, waiting, known or refused, with the reason.

        A new one waits until a step of the search takes it; it is filtered, trained and scored like every other.
        """
        if len(cells) > MOST_CHARACTERS:
            raise InputError(f"{len(cells):,} characters; at most {MOST_CHARACTERS:,} are taken at once")
        texts = read_stream("cells", cells.encode("utf-8", "replace"))
        return [msgspec.to_builtins(answer) for answer in leave_proposals(self.folder, texts)]

    def _identity(self, store: RunStore, cell: str) -> str:
        """Return the id of a cell of the run.

        Raises:
            InputError: It has none of that name.
        """
        if RANK.fullmatch(cell):
            rows = read_leaderboard(store, self.folder.name).rows
            found = [row.id for row in rows if row.rank == int(cell)]
        elif IDENTITY.fullmatch(cell):
            found = store.cells.ids_like(cell)
        else:
            raise InputError("a cell is a rank such as 3, an id such as c1f0a, or a library name such as gru")
        if len(found) != 1:
            raise InputError(f"{cell}: {len(found) or 'no'} cells of the run are called so")
        return found[0]


TOOLS = ("status", "leaderboard", "show_cell", "verdicts", "library_cells", "cell_language", "propose")
"""The tools that are offered; all but the last only read."""


def _described(cell: Cell) -> dict[str, Any]:
    return {"id": cell.id, "text": cell.text(), "parameters": cell.coefficients}


def _trial(trial: Trial, outcome: Outcome) -> dict[str, Any]:
    ended = {name: getattr(outcome, name) for name in OF_OUTCOME}
    return {"task": trial.task, "setting": trial.setting.as_dict(), "steps": trial.steps, **ended}


def _ruling(hearing: Hearing) -> dict[str, Any]:
    return {
        "cell": hearing.claim.a,
        "beside": hearing.names[1],
        "verdict": hearing.ruling.value,
        "pairs": hearing.count,
        "tasks": {task: hearing.of_task(task).value for task in hearing.pairs},
    }
