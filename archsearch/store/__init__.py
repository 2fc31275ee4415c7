"""The store: one SQLite database per run, its folder, the cache of references, and the leaderboard."""

from archsearch.store.checkpoints import CheckpointFolder
from archsearch.store.folder import Lock, existing_run, free_name, list_runs, make_run, run_folder
from archsearch.store.history import LostTrial, read_for_search, read_history, read_steps
from archsearch.store.leaderboard import Leaderboard, Noise, Placebo, Row, as_document, read_leaderboard
from archsearch.store.part import Part
from archsearch.store.run_store import RunStore
from archsearch.store.session import Ending, Session

__all__ = [
    "CheckpointFolder",
    "Ending",
    "Leaderboard",
    "Lock",
    "LostTrial",
    "Noise",
    "Part",
    "Placebo",
    "Row",
    "RunStore",
    "Session",
    "as_document",
    "existing_run",
    "free_name",
    "list_runs",
    "make_run",
    "read_for_search",
    "read_history",
    "read_leaderboard",
    "read_steps",
    "run_folder",
]
