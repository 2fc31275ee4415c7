"""Writes a cell to a file, with what its run says of it where it comes from one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from archsearch.actions.cells import NamedCell, find_cell
from archsearch.actions.noise_words import noise_words
from archsearch.cell import Cell
from archsearch.cell.ops import CALLS
from archsearch.connections import CONNECTED
from archsearch.errors import InputError
from archsearch.exporters import EXPORTERS, ModelEnds, Scores, SizedModel, TaskScore, export_bytes
from archsearch.exporters import export as write
from archsearch.exporters.kernels import beside as kernels_beside
from archsearch.exporters.kernels import to_kernels
from archsearch.exporters.tidy import NAME
from archsearch.files import write_whole
from archsearch.resources import CELL_FILE, runs_folder

CellName = Cell | str | os.PathLike[str]
"""A cell, or what `load_cell` takes."""


def export_cell(
    cell: CellName,
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    force: bool = False,
    runs: str | os.PathLike[str] | None = None,
    name: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    sizes: tuple[int, ...] | None = None,
    batch_first: bool = False,
    kernels: bool = False,
) -> Path:
    """Write a cell as a torch module, ONNX, C, text or picture, and return the file's path.

    ```python
    archsearch.export("quick-1/1", "cell.py")
    ```

    Args:
        cell: A cell, or what `load_cell` takes; a cell of a run is written with its scores, that of a trained model's folder
            with its weights.
        path: The file; its folder must exist.
        format: A key of EXPORTERS; None takes it from the file's ending.
        force: Whether a file that is there may be replaced.
        runs: Folder of all runs; None for ARCHSEARCH_RUNS, else "runs".
        name: What the cell is called in the file, and so its class; None for its own name.
        weights: A safetensors file of a `Recurrent`, or of a model with one: written again under the names of the class,
            as `cell.safetensors` beside `cell.py`; `cell.c`, `cell.onnx` and `cell.pt2` hold them themselves.
        sizes: Width of the input, width of the states and, if more than one, layers, for a format that has sizes; None for
            64 and 128, or what the weights have.
        batch_first: Whether ONNX and pt2 take sequences of shape (B, T, I) instead of (T, B, I).
        kernels: Whether `cell.py` comes with `cell_kernels.cpp`, which makes it fast once it is compiled.

    Raises:
        InputError: No such cell or format, or the file cannot be written here; nothing was written.
        ArchsearchError: The exported module does not do what the cell does, or the disk is full; nothing was written.
    """
    target = Path(path)
    chosen = format or format_of(target)
    named = _named(cell, runs, name)
    scores = _scores(named)
    with _model(cell, named, chosen, weights=weights, sizes=sizes, batch_first=batch_first) as (
        model,
        trained,
    ):
        beside: dict[Path, bytes] = {}
        if trained is not None and EXPORTERS[chosen].beside:
            content = CONNECTED["convert weights"](named.cell, trained, EXPORTERS[chosen].one_way)
            beside, trained = {weights_beside(target): content}, None
        if kernels:
            beside[kernels_beside(target, ".cpp")] = to_kernels(named.cell).encode()
        there = [each for each in beside if each.exists() or each.is_symlink()]
        if there and not force:
            raise InputError(f"{there[0]} exists; --force overwrites it")
        written = write(
            named.cell,
            chosen,
            target,
            force=force,
            scores=scores,
            model=model,
            weights=trained,
            kernels=kernels,
        )
        for path, content in beside.items():
            write_whole(path, content)
        return written


@contextmanager
def _model(
    cell: CellName,
    named: NamedCell,
    format: str,
    *,
    weights: str | os.PathLike[str] | None = None,
    sizes: tuple[int, ...] | None,
    batch_first: bool,
) -> Iterator[tuple[SizedModel | None, Path | None]]:
    """Yield the model that is written, None for what a format has by itself, and the file of its weights, if it has some."""
    ends: ModelEnds | None = None
    with tempfile.TemporaryDirectory(prefix="archsearch-") as folder:
        if weights is None and names_model(cell) and _holds_weights(format):
            content, ends = CONNECTED["read model"](os.fspath(cell))  # type: ignore[arg-type]  # it names a folder
            weights = Path(folder) / "layers.safetensors"
            weights.write_bytes(content)
        if weights is None:
            yield _untrained(sizes, batch_first), None
            return
        if sizes is not None:
            raise InputError("the weights say what the sizes are: give weights, or sizes")
        if not _holds_weights(format):
            holding = "|".join(name for name in EXPORTERS if _holds_weights(name))
            raise InputError(f"weights go with a module or with code: --format {holding}, not {format}")
        if EXPORTERS[format].beside:
            if batch_first:
                raise InputError("the exported class takes batch_first itself")
            yield None, Path(weights)
            return
        model = CONNECTED["read weights"](named.cell, Path(weights))
        yield replace(model, batch_first=batch_first, ends=ends), Path(weights)


def _holds_weights(format: str) -> bool:
    """Whether weights go into a file of this format, or beside it."""
    return format in EXPORTERS and (EXPORTERS[format].beside or EXPORTERS[format].sized)


def names_model(cell: CellName) -> bool:
    """Whether a cell is named by the folder of a trained model."""
    return not isinstance(cell, Cell) and os.path.isfile(os.path.join(cell, CELL_FILE))


def weights_beside(path: Path) -> Path:
    """Return where the weights of an exported module stand."""
    return path.with_suffix(".safetensors")


def _checked_name(name: str) -> str:
    if not NAME.fullmatch(name) or name in CALLS:
        raise InputError(
            f"{name!r} is no name for a cell: letters, digits and _, 32 at most, a letter first, and no op"
        )
    return name


def exported_bytes(
    cell: CellName,
    format: str,
    *,
    name: str | None = None,
    runs: str | os.PathLike[str] | None = None,
    sizes: tuple[int, ...] | None = None,
    batch_first: bool = False,
) -> bytes:
    """Return what `export_cell` would write.

    Args:
        cell: A cell, or what `load_cell` takes; a cell of a run comes with its scores.
        format: A key of EXPORTERS.
        name: What to call the cell; None for its own name.
        runs: Folder of all runs; None for ARCHSEARCH_RUNS, else "runs".
        sizes: As for `export_cell`.
        batch_first: As for `export_cell`.

    Raises:
        InputError: No such cell or format.
        ArchsearchError: The exported module does not do what the cell does.
    """
    named = _named(cell, runs, name)
    with _model(cell, named, format, sizes=sizes, batch_first=batch_first) as (model, trained):
        if trained is not None and EXPORTERS[format].beside:
            raise InputError(f"the weights of {cell} stand beside the module: give -o FILE.py")
        return export_bytes(named.cell, format, scores=_scores(named), model=model, weights=trained)


def _untrained(sizes: tuple[int, ...] | None, batch_first: bool) -> SizedModel | None:
    """Return the model of some sizes without weights; None where nothing is said of it."""
    if sizes is None and not batch_first:
        return None
    return replace(SizedModel(*(sizes or ())), batch_first=batch_first)  # type: ignore[arg-type]  # three at most


def _named(cell: CellName, runs: str | os.PathLike[str] | None, name: str | None) -> NamedCell:
    named = NamedCell(cell) if isinstance(cell, Cell) else find_cell(os.fspath(cell), runs_folder(runs))
    return named if name is None else replace(named, cell=named.cell.renamed(_checked_name(name)))


def format_of(path: Path) -> str:
    """Return the format that a file's ending says."""
    by_suffix: dict[str, str] = {}
    for name, exporter in EXPORTERS.items():
        by_suffix.setdefault(exporter.suffix, name)
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
