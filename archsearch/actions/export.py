"""Writes a cell to a file, with what its run says of it where it comes from one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from archsearch.actions.cells import NamedCell, find_cell
from archsearch.actions.noise_words import noise_words
from archsearch.cell import Cell
from archsearch.cell.ops import CALLS
from archsearch.connections import CONNECTED
from archsearch.errors import InputError
from archsearch.exporters import EXPORTERS, Scores, TaskScore, export_text
from archsearch.exporters import export as write
from archsearch.exporters.tidy import NAME
from archsearch.files import write_whole
from archsearch.resources import runs_folder


def export_cell(
    cell: Cell | str,
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    force: bool = False,
    runs: str | os.PathLike[str] | None = None,
    name: str | None = None,
    weights: str | os.PathLike[str] | None = None,
) -> Path:
    """Write a cell as a torch module, text, JSON, picture or equations, and return the file's path.

    ```python
    archsearch.export("quick-1/1", "cell.py")
    ```

    Args:
        cell: A cell, or what `load_cell` takes; a cell of a run is written with its scores.
        path: The file; its folder must exist.
        format: A key of EXPORTERS; None takes it from the file's ending.
        force: Whether a file that is there may be replaced.
        runs: Folder of all runs; None for ARCHSEARCH_RUNS, else "runs".
        name: What the cell is called in the file, and so its class; None for its own name.
        weights: A safetensors file of a `Recurrent`, or of a model with one: written again under the names of the class,
            as `cell.safetensors` beside `cell.py`.

    Raises:
        InputError: No such cell or format, or the file cannot be written here; nothing was written.
        ArchsearchError: The exported module does not do what the cell does, or the disk is full; nothing was written.
    """
    target = Path(path)
    chosen = format or _format_of(target)
    named = _named(cell, runs, name)
    if weights is None:
        return write(named.cell, chosen, target, force=force, scores=_scores(named))
    if chosen != "python":
        raise InputError(f"weights go with a module: --format python, not {chosen}")
    beside = weights_beside(target)
    if not force and (beside.exists() or beside.is_symlink()):
        raise InputError(f"{beside} exists; --force overwrites it")
    content = CONNECTED["convert weights"](named.cell, Path(weights))
    written = write(named.cell, chosen, target, force=force, scores=_scores(named))
    write_whole(beside, content)
    return written


def weights_beside(path: Path) -> Path:
    """Return where the weights of an exported module stand."""
    return path.with_suffix(".safetensors")


def _checked_name(name: str) -> str:
    if not NAME.fullmatch(name) or name in CALLS:
        raise InputError(
            f"{name!r} is no name for a cell: letters, digits and _, 32 at most, a letter first, and no op"
        )
    return name


def exported_text(
    cell: Cell | str, format: str, *, name: str | None = None, runs: str | os.PathLike[str] | None = None
) -> str:
    """Return what `export_cell` would write.

    Args:
        cell: A cell, or what `load_cell` takes; a cell of a run comes with its scores.
        format: A key of EXPORTERS.
        name: What to call the cell; None for its own name.
        runs: Folder of all runs; None for ARCHSEARCH_RUNS, else "runs".

    Raises:
        InputError: No such cell or format.
        ArchsearchError: The exported module does not do what the cell does.
    """
    named = _named(cell, runs, name)
    return export_text(named.cell, format, scores=_scores(named))


def _named(cell: Cell | str, runs: str | os.PathLike[str] | None, name: str | None) -> NamedCell:
    named = NamedCell(cell) if isinstance(cell, Cell) else find_cell(cell, runs_folder(runs))
    return named if name is None else replace(named, cell=named.cell.renamed(_checked_name(name)))


def _format_of(path: Path) -> str:
    """Return the format that a file's ending says."""
    by_suffix = {exporter.suffix: name for name, exporter in EXPORTERS.items()}
    if path.suffix not in by_suffix:
        formats, endings = "|".join(EXPORTERS), ", ".join(by_suffix)
        raise InputError(f"{path}: which format? Give --format {formats}, or a file that ends in {endings}")
    return by_suffix[path.suffix]


def _scores(named: NamedCell) -> Scores | None:
    """Return what the leaderboard says of the cell, if it stands on one."""
    if named.row is None or named.board is None:
        return None
    row, noise = named.row, named.board.noise
    return Scores(
        run=named.board.run,
        rank=row.rank,
        fitness=row.fitness,
        seed=named.board.plan.seed,
        tasks=tuple(
            TaskScore(
                task=task,
                score=result.score,
                skill=result.skill,
                ratio=max(result.ratio, 0) or None,
                setting=str(result.setting),
                scale=result.setting.scale,
            )
            for task, result in row.judgement.tasks.items()
        ),
        noise="" if noise is None else noise_words(noise),
    )
