"""`archsearch data`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsearch.actions.host_checks import size
from archsearch.cli.options import json_option
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, print_table
from archsearch.errors import InputError, is_full
from archsearch.files import temporary_file
from archsearch.tasks.datasets import DATASETS, DataFile, dataset, file_fault, found_folder, kept_folder

if TYPE_CHECKING:
    from types import ModuleType

_to_option = click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the files.  [default: the user's]",
)


@click.group(epilog="Example: archsearch data get jsb_chorales")
def data() -> None:
    """List, fetch and check the published data sets that tasks and studies read.

    None travels with archsearch. A file is believed by its SHA-256 alone, wherever it came from.
    """


@data.command("list", epilog="Example: archsearch data list")
@json_option
def list_(as_json: bool) -> None:
    """List the data sets with their sizes and terms, and whether they are here."""
    here = {name: found_folder(name) for name in DATASETS}
    if as_json:
        rows = [
            {
                "name": name,
                "bytes": each.size,
                "about": each.about,
                "terms": each.terms,
                "folder": here[name] and str(here[name]),
            }
            for name, each in DATASETS.items()
        ]
        print_json({"datasets": rows})
        return
    columns = [
        Column("name"),
        Column("here"),
        Column("size", right=True),
        Column("what it is", least=20),
        Column("terms", drop=1, least=20),
    ]
    lines = [
        [name, "yes" if here[name] else "no", size(each.size), each.about, each.terms]
        for name, each in DATASETS.items()
    ]
    print_table(console(), columns, lines)
    note("archsearch data get NAME fetches one; with --from-file PATH it takes a copy that you have.")


@data.command(epilog="Example: archsearch data get ptb --from-file simple-examples/data")
@click.argument("name")
@click.option(
    "--from-file",
    "source",
    type=click.Path(exists=True, path_type=Path),
    help="Take this copy, a file or the folder of the files, instead of fetching.",
)
@_to_option
def get(name: str, source: Path | None, to: Path | None) -> None:
    """Fetch a data set, or take a copy of it, and check it."""
    found, folder = dataset(name), _folder(name, to)
    note(f"{name}: {found.about}. Terms: {found.terms}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in found.files:
            path = folder / file.name
            if not file_fault(path, file):
                note(f"{path} is here already")
            elif source is None:
                _fetch(file, path)
            else:
                _take(source / file.name if source.is_dir() else source, file, path)
    except OSError as error:
        if is_full(error):
            raise
        raise InputError(
            f"{error.filename or folder}: {error.strerror or error}; --to names another folder"
        ) from None
    click.echo(folder)
    elsewhere = f" --data {folder}" if to is not None and "{}" not in found.example else ""
    note(f"{name} is whole. Use it: {found.example.format(folder)}{elsewhere}")


@data.command(epilog="Example: archsearch data check ptb --to data/ptb")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_to_option
@json_option
def check(names: tuple[str, ...], to: Path | None, as_json: bool) -> int:
    """Compare the files of data sets with their SHA-256; exit code 1 if one is not right."""
    chosen = names or tuple(name for name in DATASETS if to is not None or found_folder(name))
    rows = [
        {
            "name": name,
            "file": str(_folder(name, to) / file.name),
            "fault": file_fault(_folder(name, to) / file.name, file),
        }
        for name in chosen
        for file in dataset(name).files
    ]
    if as_json:
        print_json({"files": rows})
    elif not rows:
        note("No data set is here; archsearch data get NAME fetches one.")
    else:
        print_table(
            console(),
            [Column("file", least=30), Column("", least=20)],
            [[row["file"], row["fault"] or "right"] for row in rows],
        )
    return int(any(row["fault"] for row in rows))


def _folder(name: str, to: Path | None) -> Path:
    dataset(name)
    folder = to or kept_folder(name)
    if folder is None:
        raise InputError("there is no home folder to keep data in; --to names a folder")
    return folder


def _take(source: Path, file: DataFile, path: Path) -> None:
    """Copy a file that the user has, if it is the one.

    Args:
        source: The copy.
        file: What it must be.
        path: Where it goes.
    """
    if wrong := file_fault(source, file):
        raise InputError(f"{source} is not {file.name}: {wrong}. Nothing was kept")
    with temporary_file(path.parent) as half:
        shutil.copyfile(source, half)
        half.replace(path)


def _fetch(file: DataFile, path: Path) -> None:
    pooch = _pooch()
    note(f"fetching {file.url} ({size(file.size)})")
    with temporary_file(path.parent) as half:
        try:
            pooch.retrieve(file.url, f"sha256:{file.sha256}", fname=half.name, path=half.parent)
        except ValueError:  # pooch's word for another hash
            raise InputError(
                f"what lies at {file.url} is not the file that is meant; a copy of yours: --from-file PATH"
            ) from None
        except OSError as error:  # also all of requests
            raise InputError(
                f"{file.url} cannot be fetched: {type(error).__name__}; a copy of yours: --from-file PATH"
            ) from None
        half.replace(path)


def _pooch() -> ModuleType:
    try:
        import pooch
    except ImportError:
        raise InputError(
            "fetching needs pooch, which is not installed: pip install archsearch[data]; a copy of yours needs none: "
            "--from-file PATH"
        ) from None
    pooch.get_logger().setLevel("WARNING")
    module: ModuleType = pooch
    return module
