"""Packs the files that tasks read where the driver is, and unpacks them on a node, where no file of it need be shared."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from msgspec.structs import replace

from archsearch.errors import InputError
from archsearch.files import make_private, write_whole
from archsearch.tasks import TaskSource
from archsearch.tasks.source import read_code
from archsearch.workers.cluster.letters import Luggage, encode

MOST = 1 << 30
"""Bytes that all files together may have."""


def pack(folder: str | None, sources: dict[str, TaskSource]) -> Luggage:
    """Return the files of tasks.

    Args:
        folder: The data folder, of which the files in it itself are taken; None for none.
        sources: Where the files of users' own tasks lie, by the tasks' names.

    Raises:
        InputError: A file cannot be read, or they are too large.
    """
    files = sorted(path for path in Path(folder).iterdir() if path.is_file()) if folder else []
    data, contents, size = dict[str, bytes](), dict[str, bytes](), 0
    named = [(contents, name, Path(source.path)) for name, source in sources.items()]
    for into, name, path in [*((data, path.name, path) for path in files), *named]:
        into[name] = read_code(path)
        size += len(into[name])
        if size > MOST:
            raise InputError(
                f"{path}: with it the files of the tasks have more than the {MOST / 2**20:,.0f} MiB that a cluster is "
                "sent; give --data a folder with nothing else in it"
            )
    return Luggage(folder, data, sources, contents)


def unpack(luggage: Luggage, below: Path) -> tuple[str | None, dict[str, TaskSource]]:
    """Return the data folder and where the other files lie here; what this node does not see at the same place is written.

    Args:
        luggage: The files.
        below: The folder that takes them, in one that is named after what they hold.
    """
    room = below / hashlib.sha256(encode(luggage)).hexdigest()[:32]
    folder = luggage.folder
    if folder is not None and not all(
        _holds(Path(folder, name), content) for name, content in luggage.data.items()
    ):
        folder = str(room / "data")
        for name, content in luggage.data.items():
            _write(Path(folder, name), content)
    sources = dict(luggage.sources)
    for number, (name, content) in enumerate(luggage.contents.items()):
        path = Path(sources[name].path)
        if not _holds(path, content):
            sources[name] = replace(sources[name], path=str(room / str(number) / path.name))
            _write(Path(sources[name].path), content)
    return folder, sources


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file is there and holds just this."""
    with contextlib.suppress(OSError):
        return path.stat().st_size == len(content) and path.read_bytes() == content
    return False


def _write(path: Path, content: bytes) -> None:
    if not _holds(path, content):
        make_private(path.parent)
        write_whole(path, content)
