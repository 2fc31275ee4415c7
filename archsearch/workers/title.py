"""What ps and top call a worker's process, so that a person sees which search takes the machine."""

from __future__ import annotations

import os

import setproctitle

KEEP_ENVIRONMENT = "SPT_NOENV"
"""Where this is set, a title takes the place of the command line alone. Without it, it may run on over the environment that
the process began with, by which `guard` knows all that belongs to a worker."""


def call_this_process(title: str) -> None:
    """Give this process a title, such as "archsearch evolve first: worker 0", as far as its command line has room."""
    os.environ[KEEP_ENVIRONMENT] = "1"  # read when the first title is given
    setproctitle.setproctitle(title)
