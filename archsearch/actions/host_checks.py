"""What the doctor looks at on this machine; a new check is a function and a line in `HOST_CHECKS`."""

from __future__ import annotations

import contextlib
import os
import platform
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil

from archsearch import __version__
from archsearch.actions.finding import Finding
from archsearch.cache_folder import NoCache, cache_folder, cache_trouble
from archsearch.compiler.native.toolchain import toolchain
from archsearch.errors import BuildError, TaskError
from archsearch.store import Lock, list_runs
from archsearch.store.file_system import network_warning
from archsearch.tasks import TASKS, load
from archsearch.workers.devices import cpu_cores, cuda_devices

SOUND_SQLITE = (3, 51, 3)
"""From here on no two connections that write at once can damage a write-ahead log."""

LITTLE_SPACE = 1 << 30
MEMORY_OF_A_WORKER = 1 << 30


@dataclass(frozen=True)
class Host:
    """Where the doctor looks.

    Attributes:
        runs: The folder of all runs.
        data: The folder of the tasks' files, if one was given.
    """

    runs: Path
    data: Path | None


def size(count: float) -> str:
    """Return a number of bytes in words."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:,.0f} {unit}"
        count /= 1024
    return f"{count:,.1f} GiB"


def _versions(host: Host) -> Finding:
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "numpy"))
    return Finding(f"archsearch {__version__}, Python {platform.python_version()}, {packages}")


def _sqlite(host: Host) -> Finding:
    if sqlite3.sqlite_version_info >= SOUND_SQLITE:
        return Finding(f"SQLite {sqlite3.sqlite_version}")
    wanted = ".".join(map(str, SOUND_SQLITE))
    return Finding(
        f"SQLite {sqlite3.sqlite_version}, below {wanted}: let no other program write to a run.db while a search does",
        "look",
    )


def _compiler(host: Host) -> Finding:
    try:
        return Finding(toolchain().name)
    except BuildError as error:
        return Finding(f"{error}: the interpreter runs the cells, several times slower", "look")


def _instructions(host: Host) -> Finding:
    try:
        tools = toolchain()
    except BuildError:
        return Finding(platform.machine())
    return Finding(f"{platform.machine()}, {tools.instructions} (-march={tools.march})")


def _devices(host: Host) -> Finding:
    return Finding(", ".join(cuda_devices()) or "no CUDA device: trials train on the CPU")


def _cores(host: Host) -> Finding:
    return Finding(f"{cpu_cores()} CPU cores, load {os.getloadavg()[0]:.1f}")


def _memory(host: Host) -> Finding:
    memory = psutil.virtual_memory()
    text = f"{size(memory.available)} of {size(memory.total)} free"
    if memory.available < cpu_cores() * MEMORY_OF_A_WORKER:
        return Finding(f"{text}, little for {cpu_cores()} workers; give fewer with --workers", "look")
    return Finding(text)


def _cache(host: Host) -> Finding:
    if trouble := cache_trouble():
        return Finding(trouble, "bad")
    folder = cache_folder()
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return Finding(
        f"{folder}, yours alone, {len(files):,} files, {size(sum(path.stat().st_size for path in files))}"
    )


def _space(host: Host) -> Finding:
    places = {"runs": host.runs, "temporary files": Path(tempfile.gettempdir())}
    with contextlib.suppress(NoCache):  # told above
        places["cache"] = cache_folder()
    free = {name: psutil.disk_usage(str(_there(place))).free for name, place in places.items()}
    text = ", ".join(f"{size(count)} free for {name}" for name, count in free.items())
    return Finding(text, "look" if min(free.values()) < LITTLE_SPACE else "ok")


def _there(place: Path) -> Path:
    """Return a folder, or the nearest above it that is there."""
    return next(folder for folder in (place.absolute(), *place.absolute().parents) if folder.exists())


def _file_system(host: Host) -> Finding:
    warning = network_warning(_there(host.runs))
    return (
        Finding(warning, "look") if warning else Finding(f"{_there(host.runs)} is on a disk of this machine")
    )


def _data(host: Host) -> Finding:
    missing = []
    for name, family in TASKS.items():
        try:
            load(f"{name}:{next(iter(family.difficulties))}", host.data)
        except TaskError as error:
            missing.append((name, str(error)))
    if not missing:
        return Finding(f"all tasks have their data: {', '.join(TASKS)}")
    return Finding("; ".join(f"{name}: {problem}" for name, problem in missing), "bad" if host.data else "ok")


def _locks(host: Host) -> Finding:
    runs = list_runs(host.runs)
    held = [f"{run.name} by {holder}" for run in runs if (holder := Lock(run).holder)]
    return Finding(f"{len(runs)} runs in {host.runs}, in use: {', '.join(held) or 'none'}")


HOST_CHECKS: dict[str, Callable[[Host], Finding]] = {
    "versions": _versions,
    "sqlite": _sqlite,
    "compiler": _compiler,
    "instructions": _instructions,
    "devices": _devices,
    "cores": _cores,
    "memory": _memory,
    "cache": _cache,
    "space": _space,
    "file system": _file_system,
    "data": _data,
    "locks": _locks,
}
"""What is looked at -> who looks."""
