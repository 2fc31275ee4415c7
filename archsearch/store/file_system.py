"""Network file systems: on them SQLite's write-ahead log, which needs shared memory, cannot be trusted."""

from __future__ import annotations

from pathlib import Path

import psutil

NETWORK = ("nfs", "cifs", "smb", "ncp", "afs", "9p", "ceph", "gluster", "lustre", "beegfs", "gpfs", "fuse.")
"""How the types of file systems begin that may lie on another machine; of FUSE nobody can tell."""


def file_system(path: Path) -> str:
    """Return the type of the file system that a path lies on, such as `ext4`; empty where that cannot be found out."""
    place = path.resolve()
    try:
        mounted = {Path(part.mountpoint): part.fstype for part in psutil.disk_partitions(all=True)}
    except OSError:
        return ""
    return next((mounted[folder] for folder in (place, *place.parents) if folder in mounted), "")


def network_file_system(path: Path) -> str | None:
    """Return the type of the network file system that a path lies on, None if it lies on a disk of this machine."""
    kind = file_system(path)
    return kind if kind.lower().startswith(NETWORK) else None


def network_warning(folder: Path) -> str | None:
    """Return what people are told of a folder on a network file system, None of any other."""
    if (kind := network_file_system(folder)) is None:
        return None
    return (
        f"{folder} is on {kind}: search in a run from one machine only, and better on a local disk (--runs DIR); "
        "there the database keeps a slower journal"
    )
