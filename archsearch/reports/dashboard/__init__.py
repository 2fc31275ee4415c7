"""A run as live pages of a server on this machine, which only reads it.

`live` keeps what the pages show and reads the run again when it has changed. `listing` is a table of any length, sorted,
searched and cut into pages; `candidates` and `one_cell` say what is in it. `app` answers requests, `guards` decides which
are answered at all, and `serving` listens. What is said of a run is what `archsearch report` says: the same sections.
"""
