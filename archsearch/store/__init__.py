"""The store: one SQLite database per run, its folder, the cache of references, and the leaderboard."""

from archsearch.store.folder import Lock, existing_run, free_name, list_runs, make_run, run_folder
from archsearch.store.leaderboard import Leaderboard, Noise, Row, as_document, read_book, read_leaderboard
from archsearch.store.run_store import RunStore
from archsearch.store.shelf import Shelf

__all__ = [
    "Leaderboard", "Lock", "Noise", "Row", "RunStore", "Shelf", "as_document", "existing_run", "free_name", "list_runs",
    "make_run", "read_book", "read_leaderboard", "run_folder",
]  # fmt: skip
