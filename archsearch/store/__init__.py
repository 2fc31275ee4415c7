"""The store: one SQLite database per run, its folder, the cache of references, and the leaderboard."""

from archsearch.store.checkpoints import CheckpointFolder
from archsearch.store.folder import Lock, existing_run, free_name, list_runs, make_run, run_folder
from archsearch.store.leaderboard import Leaderboard, Noise, Row, as_document, read_history, read_leaderboard
from archsearch.store.run_store import RunStore

__all__ = [
    "CheckpointFolder",
    "Leaderboard",
    "Lock",
    "Noise",
    "Row",
    "RunStore",
    "as_document",
    "existing_run",
    "free_name",
    "list_runs",
    "make_run",
    "read_history",
    "read_leaderboard",
    "run_folder",
]
